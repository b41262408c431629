"""Decisions and states as values, one enum each: rows keep their text, the wire has an enum of the same names beside
the text.

The states of jobs are in `daemon.state.status`; what the gate finds is in `engines.metrics`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from engines.judging.speakers import OwnBy
from engines.training.course import Shape
from proto import myna_pb2 as pb


class VersionState(StrEnum):
    """Where a version stands. BASE is no row: the engine's own, number 0. Of PURGED the weights are gone."""

    CANDIDATE = "candidate"
    PROMOTED = "promoted"
    REJECTED = "rejected"
    ARCHIVED = "archived"
    BASE = "base"
    PURGED = "purged"


class VersionKind(StrEnum):
    """What a version's files hold."""

    FULL = "full"
    LORA = "lora"
    MERGED = "merged"


class Decision(StrEnum):
    """What became of a version when it was scored (`daemon.state.verdict` says it in words)."""

    WAITING = "waiting"
    TAKEN_IN = "taken in"
    NOT_SCORED = "not scored"
    PROMOTED = "promoted"
    NOT_BETTER = "not better"  #: it says all as the other does; or of a Myna that did not tell worse from undecided
    WORSE = "worse"
    UNDECIDED = "undecided"
    BROKEN = "broken"
    PROMOTED_ALREADY = "promoted already"
    NOT_ASKED = "not asked"
    OTHER_SPEAKS = "other speaks"
    PUT_ASIDE = "put aside"
    PREFERRED = "preferred"  #: by listeners, whose blind votes decided what scores had left open: promoted
    NOT_PREFERRED = "not preferred"
    PREFERRED_NOT_ASKED = "preferred, not asked"
    PREFERRED_OTHER_SPEAKS = "preferred, other speaks"
    PREFERRED_LATE = "preferred, late"


class Standing(StrEnum):
    """Where the test of blind votes stands (`daemon.state.sequential`)."""

    OPEN = "open"
    PREFERRED = "preferred"
    NOT_PREFERRED = "not preferred"


class ByHand(StrEnum):
    """What a person made of a version since it was scored."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"


class ExperimentState(StrEnum):
    """How an experiment stands."""

    RUNNING = "running"
    COMPLETE = "complete"  #: all its trials were made
    BUDGET_SPENT = "budget spent"  #: the next trial would not have fitted
    CANCELLED = "cancelled"
    FAILED = "failed"


class TrialState(StrEnum):
    """How a trial of an experiment stands."""

    TRAINING = "training"  #: its training waits or works
    SCORING = "scoring"
    SCORED = "scored"
    NOTHING_GAINED = "nothing gained"  #: no version came of it
    FAILED = "failed"
    CANCELLED = "cancelled"
    LEFT_OUT = "left out"  #: it would not have fitted into the budget
    STOPPED_EARLY = "stopped early"  #: with a third of its steps it was not among the best third


class Preference(StrEnum):
    """Which of two somebody preferred, or which is better."""

    A = "a"
    B = "b"
    SAME = "same"


class Level(StrEnum):
    """How much a notice or a line of a log matters."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class OccasionKind(StrEnum):
    """What a notifier may tell people of (`daemon.state.occasions`). The last three are a notifier's own: nobody
    chooses them."""

    PROMOTED = "promoted"
    REJECTED = "rejected"
    UNDECIDED = "undecided"
    FAILED = "failed"
    REFUSED = "refused"
    DISK = "disk"
    BUDGET = "budget"
    LONG_RUN = "long-run"
    SHUTDOWN = "shutdown"
    MISSED = "missed"
    IN_DOUBT = "in doubt"
    TEST = "test"


class NotHeard(StrEnum):
    """Why a run's checkpoints were not heard."""

    NOT_YET = "not yet"
    ENDED_BADLY = "ended badly"
    NOTHING_TRAINED = "nothing trained"
    NOT_ASKED = "not asked"
    NOT_POSSIBLE = "not possible"


class Way(StrEnum):
    """How a run is trained, with regard to its parent."""

    BASE = "base"  #: from the engine's base, on all clips; the parent, if there is one, has no part in the weights
    AVERAGED = "averaged"  #: the same, and then averaged with the parent
    ON_TOP = "on top"  #: the parent is trained on


#: enum → the wire's, and what its names begin with there
_WIRE: dict[type[StrEnum], tuple[Any, str]] = {
    VersionState: (pb.VersionState, "VERSION_"),
    VersionKind: (pb.VersionKind, "VERSION_"),
    Decision: (pb.Decision, "DECISION_"),
    Standing: (pb.Standing, "STANDING_"),
    ByHand: (pb.ByHand, "BY_HAND_"),
    ExperimentState: (pb.ExperimentState, "EXPERIMENT_"),
    TrialState: (pb.TrialState, "TRIAL_"),
    Preference: (pb.Preference, "PREFERENCE_"),
    Level: (pb.Level, "LEVEL_"),
    OccasionKind: (pb.OccasionKind, "OCCASION_"),
    NotHeard: (pb.NotHeard, "NOT_HEARD_"),
    Shape: (pb.RunCourse, "COURSE_"),
    Way: (pb.RunWay, "RUN_WAY_"),
    OwnBy: (pb.OwnSpeakerBy, "OWN_SPEAKER_"),
}


def value_of(kind: type[StrEnum], text: object) -> Any:
    """The value of a stored text; None: empty, or of a newer Myna."""
    return next((value for value in kind if value == text), None)


def on_wire(kind: type[StrEnum], text: object) -> Any:
    """The wire's value for a stored text; its unspecified one for a text that is none."""
    value, (wire, prefix) = value_of(kind, text), _WIRE[kind]
    return 0 if value is None else wire.Value(prefix + value.name)


def from_wire(kind: type[StrEnum], number: int) -> Any:
    """The value for the wire's; None for its unspecified one, and for one of a newer Myna."""
    wire, prefix = _WIRE[kind]
    return next((value for value in kind if wire.Value(prefix + value.name) == number), None)
