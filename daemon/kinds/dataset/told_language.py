"""A voice whose `voice.toml` leaves its language to be heard: what follows, in mynad, when it was told."""

from __future__ import annotations

from sqlalchemy.orm import Session

from daemon.database.models import Voice
from daemon.state import cut_settings, events, heard_language, voices
from daemon.state.values import Level
from engines import registry
from proto import worker_pb2 as wire


def store(session: Session, voice: str, told: wire.LanguageHeard) -> None:
    """It has this language from now on; what was cut as though it had another is cut again. Nothing happens where a
    person has given one meanwhile."""
    owner = voices.get(session, voice)
    if not heard_language.is_left_open(owner):
        return
    owner.heard_language = {
        "language": told.language, "probability": round(told.probability, 4), "seconds": round(told.seconds, 1)
    }  # fmt: skip
    if (before := voices.language(owner.language)) != told.language:
        owner.language = told.language
        cut_settings.heard_anew(session, owner, before)
    voices.emit_voice(session, owner)
    _notify(session, owner)


def _notify(session: Session, owner: Voice) -> None:
    told = owner.heard_language
    sentence = (
        f"{owner.name} speaks {told['language']!r} by Whisper's ear: {told['probability']:.0%} over "
        f"{told['seconds']:.0f} s of its speech."
    )
    info = registry.ENGINES.get(owner.engine)
    if info is None or voices.language(owner.language) in info.languages:
        hint = f'If that is wrong, write its language into inbox/{owner.name}/voice.toml: language = "…".'
        events.notice(session, Level.INFO, sentence, hint, owner.name)
        return
    others = [name for name, one in registry.ENGINES.items() if told["language"] in one.languages]
    hint = f"Write another engine into its voice.toml: {' or '.join(others) or 'none here speaks it'}."
    events.notice(session, Level.WARNING, f"{sentence} Its engine {info.name} does not.", hint, owner.name)
