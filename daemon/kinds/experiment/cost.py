"""What an experiment takes: before it begins, and each trial before that does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from daemon.database.experiment_rows import Experiment
from daemon.errors import BadRequest
from daemon.kinds.experiment import trials
from daemon.kinds.train.server import Train
from daemon.state import experiments
from engines.training import space
from proto import myna_pb2 as pb


@dataclass(frozen=True)
class Cost:
    """Seconds, as far as is known."""

    trials: int
    training: float  #: of one trial
    scoring: float  #: of one trial; 0: none was timed here
    sentences: tuple[str, ...]  #: how that is known

    @property
    def trial(self) -> float:
        return self.training + self.scoring

    @property
    def all(self) -> float:
        return self.trials * self.trial

    def message(self) -> pb.ExperimentCost:
        return pb.ExperimentCost(
            trials=self.trials,
            training_seconds=self.training,
            scoring_seconds=self.scoring,
            seconds=self.all,
            sentences=self.sentences,
        )


def of_all(session: Session, train: Train, experiment: Experiment) -> Cost:
    """What the experiment takes at most. Raises what `Train.estimate` raises: BadRequest for settings that cannot be,
    NotNow for a voice that cannot be trained."""
    estimates = [
        _estimate(session, train, experiment, settings) for settings in space.corners(space.from_json(experiment.space))
    ]
    longest = max(estimates, key=lambda one: one.seconds)
    scoring = experiments.scoring_seconds(session, experiment.voice)
    untimed = () if scoring else ("No scoring was timed here yet: it comes on top of each trial.",)
    return Cost(experiment.trials, longest.seconds, scoring, (*longest.sentences, *untimed))


def of_trial(session: Session, train: Train, experiment: Experiment, settings: dict[str, Any]) -> float:
    """Seconds that a trial with these settings is expected to take. Raises as `of_all` does."""
    training = _estimate(session, train, experiment, settings).seconds
    return training + experiments.scoring_seconds(session, experiment.voice)


def _estimate(session: Session, train: Train, experiment: Experiment, settings: dict[str, Any]) -> pb.EstimateResponse:
    try:
        return train.estimate(session, trials.train_spec(experiment, settings))
    except BadRequest as error:
        if len(settings) < 2:
            raise
        said = ", ".join(f"{name}={text}" for name, text in experiments.settings_text(settings).items())
        raise BadRequest(f"With {said}: {error.sentence}", error.hint) from None
