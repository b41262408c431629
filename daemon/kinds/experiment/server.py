"""Choosing the settings of an experiment's next trial, the daemon's side: what was tried so far goes to a worker of the
CPU lane, what that chooses becomes the trial's row, and its training follows if it fits into the budget."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from daemon.database.experiment_rows import Experiment as Row
from daemon.database.experiment_rows import Trial
from daemon.database.models import Job
from daemon.errors import BadRequest, NotFound, NotNow
from daemon.kinds.experiment import cost, trials
from daemon.kinds.kind import FollowUp, Kind
from daemon.kinds.train.server import Train
from daemon.settings import Settings
from daemon.state import experiments, voices
from daemon.state.status import State
from daemon.state.values import ExperimentState, TrialState
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from proto.worker_pb2 import Report, Start  # by name: a kind has an attribute called wire

#: What the choice is told of a trial that ended. Of others it is told nothing.
OUTCOMES = {
    TrialState.SCORED: wire.TrialOutcome.SCORED,
    TrialState.NOTHING_GAINED: wire.TrialOutcome.PRUNED,
    TrialState.STOPPED_EARLY: wire.TrialOutcome.PRUNED,
    TrialState.FAILED: wire.TrialOutcome.FAILED,
    TrialState.CANCELLED: wire.TrialOutcome.FAILED,
}


class Experiment(Kind):
    """See `daemon.kinds.kind.Kind`."""

    name = "experiment"
    wire = pb.EXPERIMENT
    priority = 200
    commits = frozenset({"chosen"})

    def __init__(self, home: Path, settings: Settings) -> None:
        super().__init__(home, settings)
        self._train = Train(home, settings)

    def check(self, session: Session, spec: pb.JobSpec) -> tuple[str, str]:
        asked = spec.experiment
        row = _experiment(session, asked)
        voices.get(session, row.voice)
        if row.state != ExperimentState.RUNNING:
            raise NotNow(f"Experiment {row.number} of {row.voice} is {row.state}.", "Start another one.")
        following = len(experiments.trials(session, row)) + 1
        if asked.trial != following:
            raise BadRequest(
                f"Trial {asked.trial} of experiment {row.number} is not the next one.", f"That is {following}."
            )
        return row.voice, f"choose the settings of trial {asked.trial} of experiment {row.number} of {row.voice}"

    def plan(self, session: Session, job: Job) -> Start:
        asked = pb.JobSpec.FromString(job.spec).experiment
        row = _experiment(session, asked)
        if row.state != ExperimentState.RUNNING:
            raise NotNow(f"Experiment {row.number} of {row.voice} is {row.state}.", "Start another one.")
        return Start(
            experiment=wire.ExperimentPlan(
                space_json=json.dumps(row.space),
                seed=row.seed,
                trial=asked.trial,
                trials=row.trials,
                before=[_outcome(one) for one in experiments.trials(session, row) if one.number < asked.trial],
            )
        )

    def commit(self, session: Session, job: Job, report: Report) -> None:
        """Make the trial's row. The same report again changes nothing."""
        asked = pb.JobSpec.FromString(job.spec).experiment
        row = _experiment(session, asked)
        if experiments.trial(session, row, asked.trial) is not None:
            return
        settings = json.loads(report.chosen.settings_json)
        session.add(
            Trial(experiment=row.id, number=asked.trial, settings=settings, state=TrialState.TRAINING, version=0)
        )
        experiments.changed(session, row)

    def finished(self, session: Session, job: Job) -> Sequence[FollowUp]:
        """Train with what was chosen, if that can be and fits into the budget."""
        asked = pb.JobSpec.FromString(job.spec).experiment
        row = _experiment(session, asked)
        trial = experiments.trial(session, row, asked.trial)
        if trial is None:
            raise NotFound(f"Job #{job.id} chose settings, but there is no trial.")
        if row.state != ExperimentState.RUNNING:
            return trials.cancelled(session, trial)
        try:
            takes = cost.of_trial(session, self._train, row, trial.settings)
        except BadRequest as error:
            return trials.failed(session, trial, str(error))
        except (NotFound, NotNow) as error:
            experiments.end(session, row, ExperimentState.FAILED, str(error))
            return trials.failed(session, trial, str(error))
        if not cost.fits(session, row, takes):
            trials.leave_out(session, row, trial)
            return ()
        return trials.begin(session, row, trial, takes.early_steps)

    def ended_badly(self, session: Session, job: Job) -> Sequence[FollowUp]:
        """Without a choice there is no next trial: the experiment is over."""
        asked = pb.JobSpec.FromString(job.spec).experiment
        row = _experiment(session, asked)
        state = ExperimentState.CANCELLED if job.state == State.CANCELLED else ExperimentState.FAILED
        experiments.end(session, row, state, job.why)
        trial = experiments.trial(session, row, asked.trial)
        return trials.ended_badly(session, trial, job) if trial is not None and trial.train_job is None else ()


def _experiment(session: Session, asked: pb.ExperimentSpec) -> Row:
    row = session.get(Row, asked.experiment)
    if row is None:
        raise NotFound(f"There is no experiment with the id {asked.experiment}.", "`myna experiments` lists them.")
    return row


def _outcome(trial: Trial) -> wire.TrialOutcome:
    known = next((wanted for state, wanted in OUTCOMES.items() if state == trial.state), wire.TrialOutcome.FAILED)
    if trial.beyond_limit:
        known = wire.TrialOutcome.PRUNED
    return wire.TrialOutcome(
        settings_json=json.dumps(trial.settings), outcome=known, score=trial.score or 0.0, early=trial.early_score
    )
