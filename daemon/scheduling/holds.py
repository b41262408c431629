"""What keeps a job that could start from starting, as a value: its person's GPU minutes, its voice's budget."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from daemon.database.models import Job, now
from daemon.kinds.kind import Kind
from daemon.state import budgets, quota_words
from daemon.state.quotas import Use
from daemon.state.status import WaitsFor


@dataclass(frozen=True)
class Hold:
    """Why it waits."""

    waits_for: WaitsFor
    why: str  #: the same for people


def of(session: Session, job: Job, kind: Kind, use: Use | None) -> Hold | None:
    """What holds the job; None: nothing. `use`: the GPU minutes of its person, where they are used up."""
    if use is not None and not kind.preempts:
        return Hold(WaitsFor.GPU_MINUTES, quota_words.why_waits(use))
    standing = budgets.holding(session, job, now())
    return Hold(WaitsFor.BUDGET, standing.why_waits) if standing is not None else None
