"""Why a provider did not speak: a value, and the sentence that people read of it. No sentence has the key."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from engines.errors import BadInput, EngineError, Unreachable

SHOWN = 200  #: characters of what a provider said that people see


class Reason(Enum):
    """Why it did not."""

    KEY = auto()  #: it does not know the key
    FORBIDDEN = auto()  #: the key may not do this
    QUOTA = auto()  #: what was paid for is used up
    BUSY = auto()  #: too much at once
    DOWN = auto()  #: it has a fault
    MOVED = auto()  #: it points elsewhere
    MISSING = auto()  #: it knows no such address, voice or model
    REQUEST = auto()  #: it does not take the request

    @property
    def passes(self) -> bool:
        """It may be otherwise in a moment."""
        return self in (Reason.BUSY, Reason.DOWN)


@dataclass(frozen=True)
class Trouble:
    """What a provider answered in place of sound."""

    reason: Reason
    status: int  #: of HTTP
    said: str = ""  #: its own words, on one line and cut short
    after: float = 0.0  #: seconds for which it wants to be left alone; 0: it does not say


def by_status(status: int) -> Reason:
    """What a status means with all of them."""
    if status in (401, 403):
        return Reason.KEY if status == 401 else Reason.FORBIDDEN
    if status in (402, 404, 408, 429):
        return {402: Reason.QUOTA, 404: Reason.MISSING, 408: Reason.DOWN, 429: Reason.BUSY}[status]
    if 300 <= status < 400:
        return Reason.MOVED
    return Reason.DOWN if status >= 500 else Reason.REQUEST


def fields(body: bytes, *path: str) -> dict[str, Any]:
    """The JSON object at a path in an answer; empty: there is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def shown(text: object, key: str) -> str:
    """A provider's own words as people may see them: one line, cut short, without the key should it echo it."""
    words = str(text) if isinstance(text, str) else ""
    words = words.replace(key, "…") if key else words
    line = " ".join("".join(one if one.isprintable() else " " for one in words[: 10 * SHOWN]).split())
    line = re.sub(r"\b(?:sk|xi)[-_][\w*-]{6,}", "…", line)  # keys as they write them, also half hidden
    return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"


def error(name: str, trouble: Trouble) -> EngineError:
    """What people read. `name`: the provider's."""
    said = f": {trouble.said}" if trouble.said else "."
    match trouble.reason:
        case Reason.KEY:
            return Unreachable(
                f"{name} does not accept the key (HTTP {trouble.status}).",
                f"Write a valid one into the key file of [remote.{name}].",
            )
        case Reason.FORBIDDEN:
            return Unreachable(
                f"{name} does not let this key speak (HTTP {trouble.status}){said}",
                f"Give the key that right where it was made, or change model or base_url of [remote.{name}].",
            )
        case Reason.QUOTA:
            return Unreachable(
                f"What was paid for at {name} is used up{said}",
                f"Look at the account at {name}, or wait for its next month.",
            )
        case Reason.BUSY:
            wait = f" in {trouble.after:.0f} s" if trouble.after else " in a minute"
            return Unreachable(f"{name} has too many requests (HTTP {trouble.status}){said}", f"Try again{wait}.")
        case Reason.DOWN:
            return Unreachable(f"{name} has a fault (HTTP {trouble.status}){said}", "Try again later.")
        case Reason.MOVED:
            return Unreachable(
                f"{name} points to another address (HTTP {trouble.status}), and the key is sent to no other.",
                f"Set base_url of [remote.{name}] to where its API is.",
            )
        case Reason.MISSING:
            return Unreachable(
                f"{name} knows no such voice or model (HTTP {trouble.status}){said}",
                f"See how {name} spells the voice, and model and base_url of [remote.{name}].",
            )
        case Reason.REQUEST:
            return BadInput(
                f"{name} does not take the request (HTTP {trouble.status}){said}", "Change the text or the voice."
            )


def unreachable(name: str, why: str) -> Unreachable:
    """It did not answer at all."""
    return Unreachable(
        f"{name} cannot be reached: {why}.", f"See whether this machine has a network, and base_url of [remote.{name}]."
    )
