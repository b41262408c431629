"""Writing a version for other tools, the daemon's side: which version, which format, which file."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import Session

from daemon.database.models import Job, Version
from daemon.errors import BadRequest, NotNow
from daemon.kinds.kind import Kind
from daemon.state import engines, voices
from engines.capabilities import Capability
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from proto.worker_pb2 import Start  # by name: a kind has an attribute called wire


class Export(Kind):
    """See `daemon.kinds.kind.Kind`."""

    name = "export"
    wire = pb.EXPORT
    priority = 200
    exclusive = "exports"  #: two of one version would be the same file
    resumable = False

    def check(self, session: Session, spec: pb.JobSpec) -> tuple[str, str]:
        asked = spec.export
        version = _version(session, asked)
        info = engines.info(version.engine)
        engines.require(info, Capability.EXPORTS)
        known = info.exports
        asked.version, asked.format = version.number, asked.format or known[0]
        if asked.format not in known:
            raise BadRequest(
                f"The engine {version.engine} does not export {asked.format!r}.", f"It exports {', '.join(known)}."
            )
        return asked.voice, f"export {voices.spelt(asked.voice, version.number)} as {asked.format}"

    def why_not(self, session: Session, job: Job) -> str:
        version = _version(session, pb.JobSpec.FromString(job.spec).export)
        return engines.why_not(session, engines.info(version.engine), self.home) or self.disk.why_not()

    def plan(self, session: Session, job: Job) -> Start:
        asked = pb.JobSpec.FromString(job.spec).export
        version = _version(session, asked)
        return Start(
            export=wire.ExportPlan(
                engine=version.engine,
                version_dir=str(voices.folder(session, version, self.home)),
                version_name=voices.spelt(asked.voice, version.number),
                format=asked.format,
                file=str(file(self.home, asked)),
            )
        )


def file(home: Path, asked: pb.ExportSpec) -> Path:
    """Where the export of a version in a format is."""
    return home / "exports" / f"{asked.voice}-{asked.version}-{asked.format}.tar"


def _version(session: Session, asked: pb.ExportSpec) -> Version:
    """The version asked for, else the promoted one."""
    voice = voices.get(session, asked.voice)
    version = voices.usable(session, voice.name, asked.version) if asked.version else voices.promoted(session, voice)
    if version is None:
        raise NotNow(
            f"{voice.name} has no promoted version yet.",
            f"Name one: `myna versions {voice.name}` lists those there are.",
        )
    return version
