"""Speaking, the daemon's side: which version says what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from daemon.database.models import Job, Version, Voice
from daemon.errors import BadRequest, NotNow
from daemon.kinds.kind import GpuNeed, Kind
from daemon.kinds.remote import server as remote
from daemon.kinds.speak import after, recorded
from daemon.kinds.speak.asked import BASE, check_manner, check_text, check_words, short
from daemon.state import charges, clip_refs, consent_notes, engines, quota_words, remote_voices, voices
from daemon.state.quotas import Resource
from engines import registry, watermarks
from engines.capabilities import Capability
from engines.errors import BadInput
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from proto.worker_pb2 import Report, Start  # by name: a kind has an attribute called wire

if TYPE_CHECKING:
    from engines.base import EngineInfo


class Speak(Kind):
    """See `daemon.kinds.kind.Kind`."""

    name = "speak"
    wire = pb.SPEAK
    priority = 400
    gpu_lane = True
    resumable = False
    preempts = True
    resident = True
    cancel_grace = 5.0  #: somebody waits for the next sentence
    commits = frozenset({"charged"})

    def takes_gpu(self, spec: pb.JobSpec) -> bool:
        return not remote_voices.is_one(spec.speak.voice)

    def check(self, session: Session, spec: pb.JobSpec) -> tuple[str, str]:
        asked = spec.speak
        self._check_watermark()
        if asked.recording:
            return recorded.check(session, asked, self.home)
        if remote_voices.is_one(asked.voice):
            return remote.check(session, asked, self.home)
        voice, chosen = _chosen(session, asked)
        consent_notes.check(session, voice.name)
        engine = chosen.engine if chosen is not None else voice.engine
        info = registry.ENGINES.get(engine)
        if info is None:
            speaking = ", ".join(one.name for one in registry.having(Capability.SPEAKS))
            raise BadRequest(f"There is no engine named {engine!r}.", f"Use one of: {speaking}.")
        engines.require(info, Capability.SPEAKS)
        engines.consent(session, info)
        if why := engines.why_not(session, info, self.home):  # somebody listens: better told than kept waiting
            raise NotNow(f"{voice.name} cannot speak yet: {why}.", "")
        check_words(asked)
        asked.language = asked.language or voice.language
        if voices.language(asked.language) not in info.languages:
            sentence = f"The engine {info.name} does not speak {asked.language!r}."
            raise BadRequest(sentence, f"It speaks {', '.join(info.languages)}.")
        check_text(info, asked)
        asked.speed = asked.speed or 1.0
        check_manner(asked, info)
        self._check_sound(session, asked, voice, info)
        after.check(session, asked.after, self.home)
        asked.version = (
            chosen.number if chosen is not None else BASE
        )  # what speaks is settled now, whatever is promoted while it waits
        title = f"say “{short(asked.text)}” as {version_name(voice, chosen)}{after.words(asked.after)}"
        return voice.name, title

    def why_not(self, session: Session, job: Job) -> str:
        return ""

    def gpu_memory(self, session: Session, job: Job) -> GpuNeed:
        asked = pb.JobSpec.FromString(job.spec).speak
        speaks = 0 if asked.recording else super().gpu_memory(session, job).bytes
        return GpuNeed(speaks + after.memory(asked.after))

    def plan(self, session: Session, job: Job) -> Start:
        asked = pb.JobSpec.FromString(job.spec).speak
        quota_words.require(session, job.person, Resource.SPEECH)  # others of theirs were spoken since it was asked for
        if asked.recording:
            return recorded.plan(session, asked, self.home, self.settings.speech.watermark)
        if remote_voices.is_one(asked.voice):
            return remote.plan(session, job, self.home, self.settings.speech.watermark)
        voice, chosen = _chosen(session, asked)
        consent_notes.check(session, voice.name)
        return Start(
            speak=wire.SpeakPlan(
                spec=asked,
                engine=chosen.engine if chosen is not None else voice.engine,
                version_dir=str(voices.folder(session, chosen, self.home)) if chosen is not None else "",
                version_name=version_name(voice, chosen),
                reference=clip_refs.reference(session, voice, self.home) if chosen is None else [],
                given=clip_refs.named(session, voice, asked.references, self.home),
                watermark=self.settings.speech.watermark,
                after=after.plans(session, asked.after, self.home),
            )
        )

    def commit(self, session: Session, job: Job, report: Report) -> None:
        charges.add(session, job, report.charged)

    def _check_watermark(self) -> None:
        """Whether what the site wants its speech marked with is here. Raises NotNow."""
        if self.settings.speech.watermark == watermarks.PERTH:
            try:
                watermarks.weights()
            except BadInput as error:
                raise NotNow(f"This site marks its speech. {error}", error.hint) from None

    def _check_sound(self, session: Session, asked: pb.SpeakSpec, voice: Voice, info: EngineInfo) -> None:
        """Whom it is to sound like, where that is asked for."""
        if not (asked.references or asked.speaker):
            return
        engines.require(info, Capability.REFERENCES)
        if asked.references and asked.speaker:
            raise BadRequest("A speaker and references contradict each other.", "Give one of the two.")
        clip_refs.named(session, voice, asked.references, self.home)


def version_name(voice: Voice, version: Version | None) -> str:
    """What speaks, for people: "anna@7" or "anna@base"."""
    return voices.spelt(voice.name, 0 if version is None else version.number)


def _chosen(session: Session, asked: pb.SpeakSpec) -> tuple[Voice, Version | None]:
    """The voice, and the version that speaks (None: the base)."""
    voice = voices.get(session, asked.voice)
    if asked.version == BASE:
        return voice, None
    if asked.version < 0:
        raise BadRequest(
            f"There is no version {asked.version}.", f"`myna versions {voice.name}` lists those there are."
        )
    return voice, voices.usable(session, voice.name, asked.version) if asked.version else voices.promoted(
        session, voice
    )
