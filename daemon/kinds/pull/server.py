"""Fetching a version from elsewhere, the daemon's side. Once the package is here whole, an import takes it in, and
checks it as it does any other."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from daemon import names
from daemon.caller import Right
from daemon.database.models import Job
from daemon.errors import BadRequest, MynaError
from daemon.home import imports
from daemon.kinds.kind import FollowUp, Kind
from daemon.package.archive import BadPackage, Reader
from daemon.package.header import read_header
from daemon.places import allowed
from daemon.places.place import Scheme, parse
from daemon.state import recordings, seen, voices
from engines.errors import EngineError
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from proto.messages import spec_of
from proto.worker_pb2 import Start  # by name: a kind has an attribute called wire


class Pull(Kind):
    """See `daemon.kinds.kind.Kind`. A killed attempt leaves what came, and the next one goes on from there."""

    name = "pull"
    wire = pb.PULL
    priority = 200
    grows = True

    def check(self, session: Session, spec: pb.JobSpec) -> tuple[str, str]:
        asked = spec.pull
        place = parse(asked.url)
        allowed.require(session, place, self.settings)
        if place.scheme is Scheme.FILE and place.within(parse(f"file://{self.home.resolve()}")):
            raise BadRequest(f"{place} lies in Myna's own home.", "Name a folder outside of it.")
        if asked.voice:
            voices.check_new(session, names.check_voice(asked.voice))
            seen.require(session, asked.voice, Right.TRAIN)
            recordings.claim(session, asked.voice, self.settings)
        asked.url = str(place)
        return asked.voice, f"pull {place}" + (f" into {asked.voice}" if asked.voice else "")

    def why_not(self, session: Session, job: Job) -> str:
        return self.disk.why_not()

    def plan(self, session: Session, job: Job) -> Start:
        asked = pb.JobSpec.FromString(job.spec).pull
        return Start(pull=wire.PullPlan(url=asked.url, path=str(imports.arriving(self.home, job.id))))

    def finished(self, session: Session, job: Job) -> Sequence[FollowUp]:
        """The import of what came. One that cannot be leaves nothing behind, and the job says why."""
        path = imports.arriving(self.home, job.id)

        def refused(error: MynaError) -> None:
            path.unlink(missing_ok=True)
            job.why = f"{job.why} It is not taken in: {error}".strip()

        try:
            with path.open("rb") as file:
                voice = pb.JobSpec.FromString(job.spec).pull.voice or read_header(Reader(file)).whose.voice
        except (OSError, BadPackage) as error:
            refused(BadRequest(str(error), getattr(error, "hint", "")))
            return ()
        spec = spec_of(pb.ImportSpec(path=path.name, voice=voice))
        return [FollowUp(spec, f"import after pull {job.id}", refused)]

    def ended_badly(self, session: Session, job: Job) -> Sequence[FollowUp]:
        """What came stays where the place failed, for a retry, until mynad starts again."""
        path = imports.arriving(self.home, job.id)
        if job.error_kind != EngineError.kind:
            imports.part(path).unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        return ()
