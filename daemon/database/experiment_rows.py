"""Rows of experiments (`daemon.state.experiments`). They belong to the same schema as those of `models`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from daemon.database.models import Row


class Experiment(Row):
    """A search for the settings that a voice is best trained with. What it compares is fixed when it begins."""

    __tablename__ = "experiments"
    id: Mapped[int] = mapped_column(primary_key=True)
    voice: Mapped[str] = mapped_column(ForeignKey("voices.name"))
    number: Mapped[int]
    engine: Mapped[str]
    space: Mapped[dict[str, Any]]  #: what is tried of each setting, as `engines.training.space` writes it
    trials: Mapped[int]  #: wanted
    budget: Mapped[float]  #: seconds of training and scoring, of money too; 0: none
    budget_money: Mapped[float] = mapped_column(default=0.0)  #: the sum of money that it was given as; 0: as a time
    per_hour: Mapped[float] = mapped_column(default=0.0)  #: what an hour cost when it began; 0: nobody knew
    per_kwh: Mapped[float] = mapped_column(default=0.0)  #: … and a kilowatt-hour, …
    rest_watts: Mapped[float] = mapped_column(default=0.0)  #: … with so much on top of what is measured
    currency: Mapped[str] = mapped_column(String(8), default="")  #: of all of these; empty: there is no price
    start: Mapped[str]  #: what each trial is trained from: "base" or a version number, as `TrainSpec` has it
    dataset: Mapped[int]  #: number
    rival: Mapped[int]  #: version that every trial is scored against; 0: the base
    stop_early: Mapped[bool] = mapped_column(default=False)  #: trials that lose with a third of their steps
    seed: Mapped[int] = mapped_column(BigInteger)  #: of the choice of settings
    state: Mapped[str] = mapped_column(String(16))  #: an `ExperimentState`
    why: Mapped[str] = mapped_column(default="")  #: why it failed
    created: Mapped[datetime]
    ended: Mapped[datetime | None]
    __table_args__ = (UniqueConstraint("voice", "number"),)


class Trial(Row):
    """One try of settings: an ordinary training, and its ordinary scoring."""

    __tablename__ = "trials"
    id: Mapped[int] = mapped_column(primary_key=True)
    experiment: Mapped[int] = mapped_column(ForeignKey("experiments.id"))
    number: Mapped[int]  #: 1, 2, …
    settings: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16))  #: a `TrialState`
    train_job: Mapped[int | None] = mapped_column(unique=True)
    evaluate_job: Mapped[int | None] = mapped_column(unique=True)
    version: Mapped[int] = mapped_column(default=0)  #: 0: none came of it, or none yet
    early_score: Mapped[float | None]  #: with a third of its steps, where losing trials are stopped early
    early_seconds: Mapped[float] = mapped_column(default=0.0)  #: that training and scoring this took
    early_train_job: Mapped[int | None]  #: that trained it so, …
    early_evaluate_job: Mapped[int | None]  #: … and scored that
    score: Mapped[float | None]  #: the verdict's balance
    low: Mapped[float | None]  #: where that surely lies
    high: Mapped[float | None]
    beyond_limit: Mapped[bool] = mapped_column(default=False)  #: it surely breaks a limit of the voice's rule
    seconds: Mapped[float] = mapped_column(default=0.0)  #: that its jobs worked, once they have ended
    clips: Mapped[int] = mapped_column(default=0)  #: that its training heard: steps × batch size
    why: Mapped[str] = mapped_column(default="")
    __table_args__ = (UniqueConstraint("experiment", "number"),)
