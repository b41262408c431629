"""Each time the host waits for the card: what for, and where in our code or Coqui's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum


class Why(StrEnum):
    """What the host waits for."""

    VALUE = "value"  #: it reads a number: `.item()`, `bool(tensor)`
    SIZE = "size"  #: how many there are: `nonzero`, indexing by a mask that lies on the card
    FETCH = "fetch"  #: a tensor comes from the card: `.cpu()`, `.tolist()`
    SEND = "send"  #: a tensor goes to the card and the queue is waited for: `.to(device)` without `non_blocking`


@dataclass(frozen=True)
class Wait:
    """One of them."""

    why: Why
    where: str  #: file and function, "engines/xtts/training.py losses"


@dataclass
class Part:
    """A part of an engine's way, such as a training step."""

    name: str
    times: int = 0  #: that it was entered
    waits: list[Wait] = field(default_factory=list)

    @property
    def waits_each(self) -> int:
        """Waits of one time, rounded up."""
        return -(-len(self.waits) // max(self.times, 1))


class Record:
    """All parts, in the order in which they were entered first. A wait counts for the innermost part."""

    def __init__(self) -> None:
        self.parts: dict[str, Part] = {}
        self._open: list[Part] = []

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """What happens inside counts for the part `name`, wherever the card's own threads do it."""
        part = self.parts.setdefault(name, Part(name))
        part.times += 1
        self._open.append(part)
        try:
            yield
        finally:
            self._open.pop()

    def wait(self, why: Why) -> None:
        if self._open:
            self._open[-1].waits.append(Wait(why, _where()))


def _where() -> str:
    """The innermost function of ours or of Coqui's that is running; "backward" in autograd's own thread."""
    frame = sys._getframe(2)
    while frame is not None:
        path = frame.f_code.co_filename
        for root in ("/engines/", "/TTS/", "/fish_speech/", "/dac/", "/monotonic_alignment_search/", "/peft/"):
            _, found, rest = path.rpartition(root)
            if found and "/tests/" not in path:
                return f"{root[1:]}{rest} {frame.f_code.co_name}"
        frame = frame.f_back  # type: ignore[assignment]
    return "backward"
