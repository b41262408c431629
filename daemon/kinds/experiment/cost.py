"""What an experiment takes: before it begins, and each trial before that does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from daemon.database.experiment_rows import Experiment
from daemon.errors import BadRequest
from daemon.kinds.experiment import trials
from daemon.kinds.train.server import Train
from daemon.price import Price
from daemon.state import experiments
from daemon.state.recommendation import REDUCTION
from engines.training import space
from proto import myna_pb2 as pb

#: Said where energy has a price, and none was measured.
UNMEASURED = "What energy a training takes was not measured here yet: it comes on top of the money."


@dataclass(frozen=True)
class Cost:
    """Seconds and joules, as far as is known."""

    trials: int
    training: float  #: of one trial
    scoring: float  #: of one trial; 0: none was timed here
    early: float  #: of one trial with a part of its steps first; 0: it has all at once
    sentences: tuple[str, ...]  #: how that is known
    price: Price
    joules: float | None = None  #: of one trial; None: nothing was measured here

    @property
    def watts(self) -> float | None:
        """Mean of a trial; None: not known."""
        return self.joules / self.trial if self.joules is not None and self.trial else None

    @property
    def trial(self) -> float:
        return self.early + self.training + self.scoring

    @property
    def all(self) -> float:
        return self.trials * self.trial

    @property
    def trial_money(self) -> pb.Money | None:
        """What a trial costs; None: no price is known."""
        return self.price.of(self.trial, self.joules)

    def message(self) -> pb.ExperimentCost:
        return pb.ExperimentCost(
            trials=self.trials,
            training_seconds=self.early + self.training,
            scoring_seconds=self.scoring,
            seconds=self.all,
            money=self.price.of(self.all, None if self.joules is None else self.trials * self.joules),
            sentences=self.sentences,
        )


def of_all(session: Session, train: Train, experiment: Experiment) -> Cost:
    """What the experiment takes at most. Raises what `Train.estimate` raises: BadRequest for settings that cannot be,
    NotNow for a voice that cannot be trained."""
    takes = [
        _stages(session, train, experiment, settings) for settings in space.corners(space.from_json(experiment.space))
    ]
    longest = max(takes, key=lambda one: one.whole.seconds + one.early.seconds)
    times = 2 if experiment.stop_early else 1
    scoring, joules = _times(experiments.scoring(session, experiment.voice), times)
    untimed = () if scoring else ("No scoring was timed here yet: it comes on top of each trial.",)
    seldom = (f"Only about one trial in {REDUCTION} is trained whole.",) if experiment.stop_early else ()
    price, energy = experiments.price(experiment), longest.joules(joules)
    unmeasured = (UNMEASURED,) if price.per_kwh and energy is None else ()
    sentences = (*longest.whole.sentences, *untimed, *seldom, *unmeasured)
    return Cost(experiment.trials, longest.whole.seconds, scoring, longest.early.seconds, sentences, price, energy)


@dataclass(frozen=True)
class Trial:
    """What one trial is expected to take."""

    seconds: float
    early_steps: int  #: of its first training, after which it may be stopped; 0: it is trained whole at once
    joules: float | None = None  #: None: not known


def of_trial(session: Session, train: Train, experiment: Experiment, settings: dict[str, Any]) -> Trial:
    """What a trial with these settings is expected to take. Raises as `of_all` does."""
    stages = _stages(session, train, experiment, settings)
    scoring, joules = _times(experiments.scoring(session, experiment.voice), 2 if experiment.stop_early else 1)
    seconds = stages.early.seconds + stages.whole.seconds + scoring
    return Trial(seconds, stages.early.steps, stages.joules(joules))


def fits(session: Session, experiment: Experiment, takes: Trial) -> bool:
    """Whether what is left of the budget has room for a trial: money for one that was given as a sum, else time."""
    if not experiment.budget:
        return True
    price, spent = experiments.price(experiment), experiments.money_spent(session, experiment)
    money = price.cost(takes.seconds, takes.joules)
    if experiment.budget_money and spent is not None and money is not None:
        return spent.amount + money <= experiment.budget_money
    return experiments.spent(session, experiment) + takes.seconds <= experiment.budget


@dataclass(frozen=True)
class _Stages:
    """The trainings of a trial."""

    whole: pb.EstimateResponse
    early: pb.EstimateResponse  #: empty: there is none

    def joules(self, scoring: float | None) -> float | None:
        """Of all of them, and of their scorings (None: not known, and not in it); None: not known."""
        known = [one.training.joules.likely for one in (self.whole, self.early) if one.training.HasField("joules")]
        return sum(known) + (scoring or 0.0) if known else None


def _times(took: tuple[float, float | None], count: int) -> tuple[float, float | None]:
    seconds, joules = took
    return seconds * count, None if joules is None else joules * count


def _stages(session: Session, train: Train, experiment: Experiment, settings: dict[str, Any]) -> _Stages:
    try:
        whole = train.estimate(session, trials.train_spec(experiment, settings))
        if not experiment.stop_early:
            return _Stages(whole, pb.EstimateResponse())
        steps = math.ceil(whole.steps / REDUCTION)
        return _Stages(whole, train.estimate(session, trials.train_spec(experiment, settings, steps)))
    except BadRequest as error:
        if len(settings) < 2:
            raise
        said = ", ".join(f"{name}={text}" for name, text in experiments.settings_text(settings).items())
        raise BadRequest(f"With {said}: {error.sentence}", error.hint) from None
