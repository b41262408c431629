"""Rows of what work took of the machine (`daemon.state.spent`), and of budgets' alerts. They belong to the same schema
as those of `models`."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from daemon.database.models import Row


class Spent(Row):
    """What one attempt took in one month: totals that are written anew every few seconds while it is at work, so that
    writing them twice changes nothing. An attempt lives within one mynad, and so has one price."""

    __tablename__ = "spent"
    job: Mapped[int] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)  #: its number
    month: Mapped[str] = mapped_column(String(7), primary_key=True, index=True)  #: of this machine's clock, "2026-11"
    seconds: Mapped[float]  #: at work
    gpu_held: Mapped[float]  #: seconds of them in which it had a GPU, …
    gpu_metered: Mapped[float]  #: … and of those, seconds in which it is known what that took
    gpu_joules: Mapped[float | None]
    gpu_error: Mapped[float]  #: joules: at most so much more or less
    integrated: Mapped[bool]  #: some of it is of samples of power
    cpu_metered: Mapped[float]  #: seconds in which it is known what the CPU took
    cpu_joules: Mapped[float | None]
    rest_watts: Mapped[float]  #: as [cost] has it
    per_hour: Mapped[float]  #: the price then; 0: not known
    per_kwh: Mapped[float]
    currency: Mapped[str] = mapped_column(String(3))


class BudgetAlert(Row):
    """What was told of a voice's budget of a month, so that it is told once."""

    __tablename__ = "budget_alerts"
    voice: Mapped[str] = mapped_column(primary_key=True)
    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    budget: Mapped[str]  #: the sum as it was written then: another one is told of anew
    percent: Mapped[int]  #: that was told last
