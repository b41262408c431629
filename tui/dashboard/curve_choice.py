"""Which run's curve stands beside a job: its own or, of what a training led to, that training's; never another's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from proto import myna_pb2 as pb
from proto.messages import ENDED, state_of


class Curve(Enum):
    """What there is to draw."""

    OWN = auto()  #: the run of the job
    CAUSE = auto()  #: the run of the training that the job followed from, as a scoring does
    NEWEST = auto()  #: no job is looked at: the newest run
    NOT_YET = auto()  #: the training has no run before its first step
    NEVER = auto()  #: the training ended before its first step
    NO_TRAINING = auto()  #: the job trains nothing
    NONE = auto()  #: there is no run


@dataclass(frozen=True)
class CurveChoice:
    """The run to draw, and why that one or none."""

    kind: Curve
    run: int = 0  #: 0: none
    job: int = 0  #: 0: none is looked at


def curve_of(job: pb.Job | None, jobs: Mapping[int, pb.Job], newest: int) -> CurveChoice:
    """What to draw while this job is looked at (None: no job is); `newest`: the newest run there is, 0 for none."""
    if job is None:
        run = max([newest, *(each.run for each in jobs.values())])
        return CurveChoice(Curve.NEWEST if run else Curve.NONE, run)
    if job.run:
        return CurveChoice(Curve.OWN, job.run, job.id)
    if job.kind == pb.TRAIN:
        return CurveChoice(Curve.NEVER if state_of(job) in ENDED else Curve.NOT_YET, 0, job.id)
    cause = jobs.get(job.parent_job)
    if cause is not None and cause.run:
        return CurveChoice(Curve.CAUSE, cause.run, job.id)
    return CurveChoice(Curve.NO_TRAINING, 0, job.id)


def empty(choice: CurveChoice) -> str:
    """What stands in place of the curve where there is none to draw."""
    match choice.kind:
        case Curve.NOT_YET:
            return f"#{choice.job} has no curve yet: it begins with the first step."
        case Curve.NEVER:
            return f"#{choice.job} ended before its first step, so it has no curve."
        case Curve.NO_TRAINING:
            return f"#{choice.job} trains nothing, so it has no curve; Runs shows all curves."
        case Curve.NONE:
            return "No training yet: copy recordings into inbox/NAME/, or press t."
        case _:
            return "No points yet."
