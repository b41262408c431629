"""Speaking, the daemon's side: which version says what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from daemon.database.models import Job, Version, Voice
from daemon.errors import BadRequest, NotNow
from daemon.kinds.kind import GpuNeed, Kind
from daemon.kinds.speak import after
from daemon.state import clip_refs, consent_notes, engines, quota_words, voices
from daemon.state.quotas import Resource
from engines import registry, watermarks
from engines.capabilities import Capability
from engines.errors import BadInput
from engines.speech_options import common, own
from engines.text import unspeakable
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from proto.worker_pb2 import Start  # by name: a kind has an attribute called wire

if TYPE_CHECKING:
    from engines.base import EngineInfo

#: In place of a version number: the engine's base, also where a version is promoted.
BASE = -1
#: Characters of one request; a book goes in by chapters.
LONGEST = 100_000


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

    def check(self, session: Session, spec: pb.JobSpec) -> tuple[str, str]:
        asked = spec.speak
        voice, chosen = _chosen(session, asked)
        consent_notes.check(session, voice.name)
        engine = chosen.engine if chosen is not None else voice.engine
        info = registry.ENGINES.get(engine)
        if info is None:
            speaking = ", ".join(one.name for one in registry.having(Capability.SPEAKS))
            raise BadRequest(f"There is no engine named {engine!r}.", f"Use one of: {speaking}.")
        engines.require(info, Capability.SPEAKS)
        self._check_watermark()
        engines.consent(session, info)
        if why := engines.why_not(session, info, self.home):  # somebody listens: better told than kept waiting
            raise NotNow(f"{voice.name} cannot speak yet: {why}.", "")
        if not any(character.isalnum() for character in asked.text):
            raise BadRequest("There is nothing to speak in this text.", "Give a text with at least one word.")
        if len(asked.text) > LONGEST:
            raise BadRequest(
                f"The text has {len(asked.text)} characters; {LONGEST} can be spoken at once.", "Speak it in parts."
            )
        asked.language = asked.language or voice.language
        if voices.language(asked.language) not in info.languages:
            sentence = f"The engine {info.name} does not speak {asked.language!r}."
            raise BadRequest(sentence, f"It speaks {', '.join(info.languages)}.")
        _check_text(info, asked)
        asked.speed = asked.speed or 1.0
        _check_manner(asked, info)
        self._check_sound(session, asked, voice, info)
        after.check(session, asked.after, self.home)
        asked.version = (
            chosen.number if chosen is not None else BASE
        )  # what speaks is settled now, whatever is promoted while it waits
        title = f"say “{_short(asked.text)}” as {version_name(voice, chosen)}{after.words(asked.after)}"
        return voice.name, title

    def why_not(self, session: Session, job: Job) -> str:
        return ""

    def gpu_memory(self, session: Session, job: Job) -> GpuNeed:
        asked = pb.JobSpec.FromString(job.spec).speak
        return GpuNeed(super().gpu_memory(session, job).bytes + after.memory(asked.after))

    def plan(self, session: Session, job: Job) -> Start:
        asked = pb.JobSpec.FromString(job.spec).speak
        quota_words.require(session, job.person, Resource.SPEECH)  # others of theirs were spoken since it was asked for
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


def _check_manner(asked: pb.SpeakSpec, info: EngineInfo) -> None:
    """How it is to be spoken."""
    temperature = asked.temperature if asked.HasField("temperature") else None
    try:
        common(asked.speed, temperature, asked.seed if asked.HasField("seed") else None)
        own(info.name, info.options, asked.options)
    except BadInput as error:
        raise BadRequest(str(error), f"{error.hint} `myna engines settings {info.name}` says what each does.") from None


def _check_text(info: EngineInfo, asked: pb.SpeakSpec) -> None:
    """Whether there is something in the text that the engine can say; what it cannot, the worker leaves out and tells
    of."""
    try:
        unspeakable.speakable(info.name, asked.text, registry.unspeakable(info.name, asked.text, asked.language))
    except BadInput as error:
        raise BadRequest(str(error), error.hint) from None


def _short(text: str, length: int = 40) -> str:
    words = " ".join(text.split())
    return words if len(words) <= length else words[: length - 1].rstrip() + "…"
