"""The status of a job, as a sum type: a queued job cannot have a start time, a failed one always has its error.

`daemon.database.models.Job` stores the fields flat; `daemon.state.jobs.status_of` is the one way to read them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum

from daemon.errors import brief
from proto import myna_pb2 as pb


class State(StrEnum):
    """Names of the states, in the database and on the wire."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


#: a state as a verb, for sentences about a job
STANDING = {
    State.QUEUED: "is waiting",
    State.RUNNING: "is running",
    State.PAUSED: "is paused",
    State.SUCCEEDED: "has succeeded",
    State.FAILED: "has failed",
    State.CANCELLED: "was cancelled",
}


class Outcome(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CRASHED = "crashed"  #: the worker died without a word, and the job is to blame
    STOPPED = "stopped"  #: it saved its state, to go on later
    CANCELLED = "cancelled"
    LOST = "lost"  #: the worker died without a word, and the job is not to blame


class WaitsFor(StrEnum):
    """What a queued job waits for, where that is more than a sentence."""

    NOTHING = ""
    GPU_MINUTES = "gpu minutes"  #: those that its person may use a day are used up
    BUDGET = "budget"  #: its voice's of this month is used up

    @property
    def wire(self) -> pb.WaitsFor.ValueType:
        """On the wire."""
        wire = {WaitsFor.GPU_MINUTES: pb.WAITS_FOR_GPU_MINUTES, WaitsFor.BUDGET: pb.WAITS_FOR_BUDGET}
        return wire.get(self, pb.WAITS_FOR_UNSPECIFIED)


class Transition(Enum):
    """What was asked of a job at work and has not happened yet."""

    CANCELLING = "cancelling"
    PAUSING = "pausing"


@dataclass(frozen=True)
class Queued:
    since: datetime
    why: str  #: why it waits, one sentence
    waits_for: WaitsFor = WaitsFor.NOTHING


@dataclass(frozen=True)
class Running:
    started: datetime
    transition: Transition | None = None


@dataclass(frozen=True)
class Paused:
    started: datetime
    since: datetime
    by_person: bool  #: False: by preemption
    why: str
    transition: Transition | None = None


@dataclass(frozen=True)
class Succeeded:
    started: datetime
    ended: datetime
    sentence: str


@dataclass(frozen=True)
class Error:
    kind: str  #: "bad-input", "out-of-memory", "disk-full", "engine", "crashed", "cancelled"
    sentence: str
    hint: str
    log_tail: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "sentence", brief(self.sentence))
        object.__setattr__(self, "hint", brief(self.hint))


@dataclass(frozen=True)
class Failed:
    started: datetime | None  #: None when it failed before any attempt could start
    ended: datetime
    error: Error


@dataclass(frozen=True)
class Cancelled:
    ended: datetime
    by: str  #: "a person", "shutdown"


Status = Queued | Running | Paused | Succeeded | Failed | Cancelled

STATES = tuple(State)
ENDED = (State.SUCCEEDED, State.FAILED, State.CANCELLED)
