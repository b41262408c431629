"""Sending a version elsewhere, the daemon's side: which one, where to, and who may."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Dataset, Job
from daemon.errors import BadRequest, NotNow
from daemon.home import imports
from daemon.kinds.kind import FollowUp, Kind
from daemon.package.formats import MYNA, Format
from daemon.places import allowed
from daemon.places.place import Place, Scheme, parse
from daemon.state import consent_notes, packing, voices
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from proto.worker_pb2 import Start  # by name: a kind has an attribute called wire


class Push(Kind):
    """See `daemon.kinds.kind.Kind`. What a killed attempt has sent is not sent again by the next one."""

    name = "push"
    wire = pb.PUSH
    priority = 200
    exclusive = "pushes"  #: two of one version would write the same files

    def check(self, session: Session, spec: pb.JobSpec) -> tuple[str, str]:
        asked = spec.push
        voice, place = voices.get(session, asked.voice), parse(asked.url)
        consent_notes.check(session, voice.name)
        allowed.require(session, place, self.settings, voice)
        self._check_folder(place)
        version = (
            voices.usable(session, voice.name, asked.version) if asked.version else voices.promoted(session, voice)
        )
        if version is None:
            hint = f"Name one: `myna versions {voice.name}` lists those there are."
            raise NotNow(f"{voice.name} has no promoted version yet.", hint)
        asked.version, asked.url = version.number, str(place)
        return voice.name, f"push {voices.spelt(voice.name, version.number)} to {place}"

    def _check_folder(self, place: Place) -> None:
        """Raises BadRequest for a place in Myna's own home."""
        if place.scheme is not Scheme.FILE:
            return
        home = parse(f"file://{self.home.resolve()}")
        if place.within(home):
            raise BadRequest(f"{place} lies in Myna's own home.", "Name a folder outside of it.")

    def why_not(self, session: Session, job: Job) -> str:
        return self.disk.why_not()

    def plan(self, session: Session, job: Job) -> Start:
        asked = pb.JobSpec.FromString(job.spec).push
        consent_notes.check(session, asked.voice)
        voice = voices.get(session, asked.voice)
        version = voices.usable(session, voice.name, asked.version)
        note = consent_notes.current(session, voice.name)
        export = wire.ExportPlan(
            engine=version.engine,
            version_dir=str(voices.folder(session, version, self.home)),
            version_name=voices.spelt(voice.name, version.number),
            format=Format.MYNA,
            file=str(imports.leaving(self.home, job.id) / f"{voice.name}-{version.number}{MYNA}"),
            version=packing.packed_version(session, version),
            samples_dir=str(self.home / "samples" / voice.name / str(version.number)),
            consent=consent_notes.message(note) if note is not None else None,
        )
        data = session.scalars(
            select(Dataset).where(Dataset.voice == voice.name, Dataset.number == version.dataset)
        ).first()
        seconds, clips = (data.seconds, data.clips) if data is not None else (0.0, 0)
        return Start(push=wire.PushPlan(url=asked.url, export=export, seconds=seconds, clips=clips))

    def finished(self, session: Session, job: Job) -> Sequence[FollowUp]:
        shutil.rmtree(imports.leaving(self.home, job.id), ignore_errors=True)
        return ()

    def ended_badly(self, session: Session, job: Job) -> Sequence[FollowUp]:
        return self.finished(session, job)
