"""What a request for speech says, whichever engine is to say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.errors import BadRequest
from engines import registry
from engines.errors import BadInput
from engines.speech_options import common, own
from engines.text import unspeakable
from proto import myna_pb2 as pb

if TYPE_CHECKING:
    from engines.base import EngineInfo

#: In place of a version number: the engine's base, also where a version is promoted.
BASE = -1
#: Characters of one request; a book goes in by chapters.
LONGEST = 100_000


def check_words(asked: pb.SpeakSpec) -> None:
    """Whether there is something to say, and not too much."""
    if not any(character.isalnum() for character in asked.text):
        raise BadRequest("There is nothing to speak in this text.", "Give a text with at least one word.")
    if len(asked.text) > LONGEST:
        raise BadRequest(
            f"The text has {len(asked.text)} characters; {LONGEST} can be spoken at once.", "Speak it in parts."
        )


def check_manner(asked: pb.SpeakSpec, info: EngineInfo) -> None:
    """How it is to be spoken."""
    temperature = asked.temperature if asked.HasField("temperature") else None
    try:
        common(asked.speed, temperature, asked.seed if asked.HasField("seed") else None)
        own(info.name, info.options, asked.options)
    except BadInput as error:
        raise BadRequest(str(error), f"{error.hint} `myna engines settings {info.name}` says what each does.") from None


def check_text(info: EngineInfo, asked: pb.SpeakSpec) -> None:
    """Whether there is something in the text that the engine can say; what it cannot, the worker leaves out and tells
    of."""
    try:
        unspeakable.speakable(info.name, asked.text, registry.unspeakable(info.name, asked.text, asked.language))
    except BadInput as error:
        raise BadRequest(str(error), error.hint) from None


def short(text: str, length: int = 40) -> str:
    """How a text begins, for a title."""
    words = " ".join(text.split())
    return words if len(words) <= length else words[: length - 1].rstrip() + "…"
