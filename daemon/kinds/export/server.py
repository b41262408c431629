"""Writing a version or a dataset for others, the daemon's side: which one, which format, which file."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import Session

from daemon.caller import Caller, Right
from daemon.database.models import Job, Version, Voice
from daemon.database.store import caller_of
from daemon.errors import BadRequest, NotFound, NotNow
from daemon.kinds.kind import Kind
from daemon.package.formats import FEATURES_OF, MYNA, Format
from daemon.state import clip_refs, consent_notes, engines, packing, people, seen, voices
from engines.capabilities import Capability
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from proto.worker_pb2 import Start  # by name: a kind has an attribute called wire


class Export(Kind):
    """See `daemon.kinds.kind.Kind`. A kill leaves nothing under the file's name; the next attempt begins anew."""

    name = "export"
    wire = pb.EXPORT
    priority = 200
    exclusive = "exports"  #: two of one version would be the same file

    def check(self, session: Session, spec: pb.JobSpec) -> tuple[str, str]:
        asked = spec.export
        consent_notes.check(session, voices.get(session, asked.voice).name)
        if asked.HasField("dataset"):
            return self._check_dataset(session, asked)
        version = _version(session, asked)
        info = engines.info(version.engine)
        if asked.format == Format.MYNA:
            asked.version = version.number
            return asked.voice, f"export {voices.spelt(asked.voice, version.number)} as a package"
        engines.require(info, Capability.EXPORTS)
        known = info.exports
        asked.version, asked.format = version.number, asked.format or known[0]
        if asked.format not in known:
            hint = f"It exports {', '.join(known)}; {Format.MYNA} is a package for another Myna."
            why = f": {info.no_exports[asked.format]}" if asked.format in info.no_exports else ""
            raise BadRequest(f"The engine {version.engine} does not export {asked.format!r}{why}.", hint)
        return asked.voice, f"export {voices.spelt(asked.voice, version.number)} as {asked.format}"

    def _check_dataset(self, session: Session, asked: pb.ExportSpec) -> tuple[str, str]:
        voice = voices.get(session, asked.voice)
        if asked.version:
            raise BadRequest("A version and a dataset were asked for at once.", "Ask for one of them.")
        asked.dataset.number = clip_refs.dataset(session, voice.name, asked.dataset.number).number
        asked.format = asked.format or Format.MYNA
        if asked.format not in list(Format):
            raise BadRequest(f"Datasets are not exported as {asked.format!r}.", f"Choose {', '.join(Format)}.")
        if asked.dataset.features and asked.format != Format.MYNA:
            _check_features(voice, Format(asked.format))
        return asked.voice, f"export dataset #{asked.dataset.number} of {asked.voice} as {asked.format}"

    def why_not(self, session: Session, job: Job) -> str:
        asked = pb.JobSpec.FromString(job.spec).export
        if asked.HasField("dataset"):
            return self.disk.why_not()
        if asked.format == Format.MYNA:
            return self.disk.why_not()  # its base is not needed: nothing is loaded
        version = _version(session, asked)
        return engines.why_not(session, engines.info(version.engine), self.home) or self.disk.why_not()

    def plan(self, session: Session, job: Job) -> Start:
        asked = pb.JobSpec.FromString(job.spec).export
        allowed(session, asked.voice, people.acting(session, job.person))
        if asked.HasField("dataset"):
            voice = voices.get(session, asked.voice)
            data = clip_refs.dataset(session, voice.name, asked.dataset.number)
            return Start(
                export=wire.ExportPlan(
                    engine=voice.engine,
                    format=asked.format,
                    file=str(file(self.home, asked)),
                    dataset=packing.packed(session, voice, data),
                    features=asked.dataset.features,
                    consent=_consent(session, asked.voice),
                )
            )
        version = _version(session, asked)
        return Start(
            export=wire.ExportPlan(
                engine=version.engine,
                version_dir=str(voices.folder(session, version, self.home)),
                version_name=voices.spelt(asked.voice, version.number),
                format=asked.format,
                file=str(file(self.home, asked)),
                version=packing.packed_version(session, version) if asked.format == Format.MYNA else None,
                samples_dir=str(self.home / "samples" / asked.voice / str(version.number)),
                consent=_consent(session, asked.voice),
            )
        )


def allowed(session: Session, voice: str, asks: Caller | None = None) -> None:
    """What a voice has may leave, and this caller (else the session's) may have it: asked again when the job begins,
    and when its file is handed out. Raises NotFound, NotAllowed and NotNow."""
    caller = asks or caller_of(session)
    if not seen.rights(session, voice, caller) & seen.SEE:
        raise NotFound(f"There is no voice named {voice!r}.", "`myna voices` lists those there are.")
    seen.require(session, voice, Right.READ, caller)
    consent_notes.check(session, voice)


def _check_features(voice: Voice, layout: Format) -> None:
    """Raises BadRequest where a layout has no place for what the voice's engine made of the clips."""
    engine = FEATURES_OF.get(layout)
    if engine is None:
        raise BadRequest(
            f"What the engine made of the clips does not go into {layout}.",
            f"Leave the features out, or export as {Format.MYNA}.",
        )
    if voice.engine != engine:
        raise BadRequest(
            f"{layout} has a place for what the engine {engine} makes of clips, and {voice.name} is a voice of "
            f"{voice.engine}.",
            f"Leave the features out, or export as {Format.MYNA}.",
        )


def file(home: Path, asked: pb.ExportSpec) -> Path:
    """Where the export of a version or dataset in a format is."""
    folder = home / "exports"
    if not asked.HasField("dataset"):
        if asked.format == Format.MYNA:
            return folder / f"{asked.voice}-{asked.version}{MYNA}"
        return folder / f"{asked.voice}-{asked.version}-{asked.format}.tar"
    name = f"{asked.voice}-dataset{asked.dataset.number}{'-features' if asked.dataset.features else ''}"
    if asked.format == Format.MYNA:
        return folder / f"{name}{MYNA}"
    return folder / f"{name}-{asked.format}.tar"


def _consent(session: Session, voice: str) -> pb.ConsentNote | None:
    note = consent_notes.current(session, voice)
    return consent_notes.message(note) if note is not None else None


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
