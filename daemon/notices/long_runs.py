"""Why a training probably takes longer than was expected: by how far it has come, and by what those before it took."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from daemon.database.models import Job, PointRow, Run, SeriesRow
from daemon.kinds.train.foresight import Prior
from daemon.scheduling import remaining

#: steps that take so many times as long as those of trainings before are slow
SLOW = 1.25


class Cause(StrEnum):
    """Why, probably."""

    BEFORE = "before"  #: it has done no step yet
    SLOW = "slow"  #: its steps take longer than those before
    NO_EARLY_STOP = "no-early-stop"  #: those before stopped early, and it did not
    AFTER = "after"  #: its steps are done: checkpoints speak, and are listened to
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Why:
    """A cause, and how far it has come."""

    cause: Cause
    step: int = 0
    planned: int = 0
    times: float = 0.0  #: of SLOW: as long as those before

    @property
    def words(self) -> str:
        """A sentence; empty: it is not known."""
        far = f"It is at step {self.step:,} of {self.planned:,}"
        match self.cause:
            case Cause.BEFORE:
                return "It has not done a step yet: loading or encoding takes long."
            case Cause.SLOW:
                times = f"{self.times:.1f} times as long as those of trainings before"
                return f"{far}, and its steps take {times}: other work on this machine may be why."
            case Cause.NO_EARLY_STOP:
                return f"{far}: those before stopped earlier."
            case Cause.AFTER:
                return "Its steps are done: checkpoints that speak, and listening to them, take long."
            case Cause.UNKNOWN:
                return ""


def why(session: Session, job: Job, worked: float) -> Why:
    """Of a training that has worked for so many seconds."""
    run = session.scalars(select(Run).where(Run.job == job.id)).first()
    if run is None:
        return Why(Cause.BEFORE)
    series = select(SeriesRow.id).where(SeriesRow.run == run.id)
    step = session.scalar(select(func.max(PointRow.step)).where(PointRow.series.in_(series))) or 0
    return of(worked, step, run.steps, remaining.prior(session, run.id))


def of(worked: float, step: int, planned: int, prior: Prior) -> Why:
    """The same, of values: seconds, the step that it is at, those planned (0: not known), what is known of others."""
    if not step:
        return Why(Cause.BEFORE)
    if planned and step >= planned:
        return Why(Cause.AFTER, step, planned)
    times = (worked - (prior.before or 0.0)) / step / prior.pace if prior.pace else 0.0
    if times > SLOW:
        return Why(Cause.SLOW, step, planned, times)
    if prior.pace and step > prior.share * planned > 0:
        return Why(Cause.NO_EARLY_STOP, step, planned)
    return Why(Cause.UNKNOWN, step, planned)
