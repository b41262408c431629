"""Which voice a name means: `anna` (as she is promoted), `anna@7`, `anna@base`, or another name from the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from proto import myna_pb2 as pb

BASE = -1  #: the engine's own voice, before any training
LONGEST = 200  #: characters


def elsewhere(voice: str) -> str:
    """The engine of a voice that is elsewhere ("openai" of "openai:alloy"); empty: it is a voice of this Myna."""
    return voice.partition(":")[0] if ":" in voice else ""


def remote_voices(info: pb.InfoResponse) -> list[str]:
    """Names of voices that are elsewhere and can be spoken with, as far as they are listed."""
    return [name for engine in info.engines if engine.remote.open for name in engine.remote.voices]


class NoSuchName(ValueError):
    """It names no version. Its text is a sentence for people."""


@dataclass(frozen=True)
class Named:
    """A version, as the wire has it."""

    voice: str
    number: int  #: 0: the promoted one; BASE: the base


def named(text: str, others: Mapping[str, str]) -> Named:
    """The version that a name means. Raises NoSuchName for what cannot be one; whether it is there, mynad knows."""
    text = others.get(text, text)
    voice, at, number = text.partition("@")
    if not voice or len(text) > LONGEST or (at and not number):
        raise NoSuchName(f"{text[:40]!r} names no voice. Write it like anna, anna@7 or anna@base.")
    if not at:
        return Named(voice, 0)
    if number in ("base", "0"):
        return Named(voice, BASE)
    digits = number.removeprefix("v")
    if not (digits.isascii() and digits.isdecimal()) or int(digits) >= 2**31:
        raise NoSuchName(f"{number[:40]!r} is no version number. Write it like anna@7 or anna@base.")
    return Named(voice, int(digits))
