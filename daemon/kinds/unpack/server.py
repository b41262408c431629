"""Taking a package into a voice, the daemon's side: which one, its rows, and what follows from that.

All rows come in one transaction, once every file of the package lies in the home: a kill leaves all of it or nothing
that can be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import BinaryIO

from sqlalchemy.orm import Session

from daemon import names
from daemon.caller import Right
from daemon.database.models import Job, Voice
from daemon.errors import BadRequest, NotNow
from daemon.home import imports
from daemon.inbox.folder import BehindALink, InboxFolder, NotAFile
from daemon.kinds.dataset import following
from daemon.kinds.kind import FollowUp, Kind
from daemon.package.archive import BadPackage, Reader
from daemon.package.formats import Content
from daemon.package.header import read_header
from daemon.state import consent_notes, datasets, engines, incoming, recordings, seen, unpacking, voices
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from proto.messages import import_spec
from proto.worker_pb2 import Report, Start  # by name: a kind has an attribute called wire


class Unpack(Kind):
    """See `daemon.kinds.kind.Kind`."""

    name = "import"
    wire = pb.IMPORT
    priority = 200
    grows = True
    exclusive = "recordings"
    commits = frozenset({"unpacked", "version_unpacked", "refused", "consent_unpacked"})

    def check(self, session: Session, spec: pb.JobSpec) -> tuple[str, str]:
        asked = import_spec(spec)
        voices.check_new(session, names.check_voice(asked.voice))
        seen.require(session, asked.voice, Right.TRAIN)
        recordings.claim(session, asked.voice, self.settings)
        if bool(asked.path) == bool(asked.file):
            hint = "Give one of the two: `myna import FILE` sends a package."
            raise BadRequest("An import is of one package: one that was sent, or one in the inbox.", hint)
        if asked.file:
            voices.get(session, asked.voice)
            shown = names.printable(names.check_file(asked.file))
        else:
            if not imports.path(self.home, asked.path).is_file():
                hint = "Send it again: `myna import FILE`."
                raise NotNow("The package that was sent is not there any more.", hint)
            shown = "a package"
        return asked.voice, f"import {shown} into {asked.voice}"

    def why_not(self, session: Session, job: Job) -> str:
        return self.disk.why_not()

    def plan(self, session: Session, job: Job) -> Start:
        asked = import_spec(pb.JobSpec.FromString(job.spec))
        voices.check_new(session, asked.voice)
        voice = session.get(Voice, asked.voice)
        settled = voice is not None and not unpacking.is_shapeless(session, voice.name)
        return Start(
            unpack=wire.UnpackPlan(
                voice=asked.voice,
                path=str(imports.path(self.home, asked.path)) if asked.path else "",
                file=asked.file,
                language=voice.language if voice is not None and settled else "",
                accepted=engines.accepted(session),
                has_consent=consent_notes.current(session, asked.voice) is not None,
                version=incoming.place(session, job) if self._content(asked) is Content.VERSION else None,
            )
        )

    def _content(self, asked: pb.ImportSpec) -> Content:
        """What the package says that it holds. What is none, its worker refuses."""
        try:
            with self._opened(asked) as file:
                return read_header(Reader(file)).content
        except (OSError, BadPackage, BehindALink, NotAFile):
            return Content.DATASET

    def _opened(self, asked: pb.ImportSpec) -> BinaryIO:
        if asked.path:
            return imports.path(self.home, asked.path).open("rb")
        return InboxFolder(self.home, asked.voice).open(asked.file)

    def commit(self, session: Session, job: Job, report: Report) -> None:
        if report.WhichOneof("report") == "refused":
            refused = report.refused
            why = f"{refused.sentence} {refused.hint}".strip()
            recordings.emit_inbox_event(session, job.voice, names.printable(refused.file), "refused", why)
        elif report.HasField("consent_unpacked"):
            note = report.consent_unpacked
            if consent_notes.current(session, job.voice) is None:
                consent_notes.write(session, job.voice, note.text, note.by, note.time.ToDatetime(tzinfo=UTC))
        elif report.HasField("version_unpacked"):
            incoming.store(session, job, report.version_unpacked)
        else:
            unpacking.store(session, job.voice, report.unpacked)

    def finished(self, session: Session, job: Job) -> Sequence[FollowUp]:
        """Of a dataset: the next one here, if anything came of it, and the training that follows. Nothing follows from
        a version: a person promotes it."""
        if incoming.is_version(session, job):
            if (version := incoming.of(session, job.id)) is not None:
                name = voices.spelt(version.voice, version.number)
                job.why += f" It is {name} now, a candidate: `myna promote {name}` lets it speak."
            incoming.forget(session, job)
            return ()
        made = datasets.build(session, job.voice, job.id)
        waiting = unpacking.why_waiting(session, job.voice)
        if made is None:
            job.why += f" {waiting}" if waiting else f" Nothing new: {job.voice} has all of it already."
            return ()
        job.why = " ".join(filter(None, (job.why, datasets.said(made), waiting)))
        voice = voices.get(session, job.voice)
        by_itself = self.settings.auto_train and bool(voice.options.get("auto_train", True))
        return following.training(session, job, made, self.settings) if by_itself else ()

    def ended_badly(self, session: Session, job: Job) -> Sequence[FollowUp]:
        incoming.forget(session, job)
        return ()
