"""How people name a version: `anna` (the promoted one), `anna@7`, `anna@base`; `openai:alloy`, which has none."""

from __future__ import annotations

from dataclasses import dataclass

from proto.channel import ClientError

BASE = -1  #: the engine's own voice, before any training
ELSEWHERE = ":"  #: in the name of a voice whose engine is elsewhere, and in no other


@dataclass(frozen=True)
class Named:
    voice: str
    number: int  #: 0: none was named; BASE: the base

    def __str__(self) -> str:
        return f"{self.voice}@{'base' if self.number == BASE else self.number}" if self.number else self.voice


def parse(text: str, *, needs_number: bool = False) -> Named:
    """Read VOICE[@VERSION]. Raises ClientError INVALID_ARGUMENT with an example."""
    voice, at, number = text.partition("@")
    example = f"Write it like {voice or 'anna'}@7" + (
        "." if needs_number else f", {voice or 'anna'}@base, or just {voice or 'anna'}."
    )
    if not voice or (at and not number):
        raise ClientError(f"{text!r} does not name a version.", example, "INVALID_ARGUMENT")
    if not at and ELSEWHERE in voice:
        return Named(voice, 0)  # it has no versions
    if not at:
        if needs_number:
            raise ClientError(
                f"{text!r} names a voice, not a version.",
                f"{example} `myna versions {voice}` lists them.",
                "INVALID_ARGUMENT",
            )
        return Named(voice, 0)
    if number in ("base", "0"):
        return Named(voice, BASE)
    digits = number.removeprefix("v")
    if not digits.isdecimal() or int(digits) >= 2**31:
        raise ClientError(f"{number!r} is not a version number.", example, "INVALID_ARGUMENT")
    return Named(voice, int(digits))


def any_pair(a: str, b: str) -> tuple[Named, Named]:
    """Two versions, of whichever voices; of the second the number is enough where it is of the first one's voice.
    Raises ClientError INVALID_ARGUMENT."""
    first = parse(a, needs_number=True)
    number = b in ("base", "0") or b.removeprefix("v").isdecimal()
    return first, parse(f"{first.voice}@{b}" if number and "@" not in b else b, needs_number=True)


def pair(a: str, b: str) -> tuple[Named, Named]:
    """Two versions of one voice; of the second the number is enough. Raises ClientError INVALID_ARGUMENT."""
    first = parse(a, needs_number=True)
    second = parse(b if "@" in b else f"{first.voice}@{b}", needs_number=True)
    if first.voice != second.voice:
        raise ClientError(
            f"{first} and {second} are of different voices.", "Name two versions of one voice.", "INVALID_ARGUMENT"
        )
    return first, second
