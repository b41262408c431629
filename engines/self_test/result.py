"""What a check of the self-test finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Check(StrEnum):
    """What is looked at, in this order."""

    CARD = "card"  #: what NVML tells of it
    BF16 = "bf16"
    FAST_PATHS = "fast-paths"  #: each against the plain way, graphs among them
    OUT_OF_MEMORY = "out-of-memory"  #: a training that backs off
    YIELD = "yield"  #: a training that lends its memory
    MEMORY_RETURN = "memory-return"  #: of a worker that was killed
    RESUME = "resume"  #: a training that was killed
    SPEECH = "speech"  #: a sentence, streamed
    THROUGHPUT = "throughput"


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


class Reason(StrEnum):
    """Why a check failed or was skipped."""

    NONE = ""
    NO_CARD = "no-card"  #: it is about a card, and this is a CPU
    SWITCHED_OFF = "switched-off"  #: by MYNA_FAST_PATHS
    NOT_TOLD = "not-told"  #: NVML does not tell what is needed
    NOT_CAPABLE = "not-capable"  #: the card has not got it
    NO_ROOM = "no-room"  #: too little of the card's memory is free
    NO_TIME = "no-time"  #: the others took all of it
    INACCURATE = "inaccurate"  #: further from fp32 than it may be
    DIFFERS = "differs"  #: from the plain, or the undisturbed, way
    NOT_RETURNED = "not-returned"  #: memory is still taken
    NOT_BACKED_OFF = "not-backed-off"  #: memory did not run out, or the training did not go on
    NO_SOUND = "no-sound"
    DIED = "died"  #: a process that was not to
    RAISED = "raised"


@dataclass(frozen=True)
class Result:
    """One check."""

    check: Check
    state: State
    reason: Reason = Reason.NONE
    figures: Mapping[str, float] = field(default_factory=dict)  #: by name, in the unit that the name ends with
    texts: Mapping[str, str] = field(default_factory=dict)  #: names and errors, as others told them


def passed(check: Check, figures: Mapping[str, float]) -> Result:
    return Result(check, State.OK, figures=figures)


def failed(check: Check, reason: Reason, figures: Mapping[str, float] | None = None, error: str = "") -> Result:
    return Result(check, State.FAILED, reason, figures or {}, {"error": error} if error else {})


def skipped(check: Check, reason: Reason, figures: Mapping[str, float] | None = None) -> Result:
    return Result(check, State.SKIPPED, reason, figures or {})
