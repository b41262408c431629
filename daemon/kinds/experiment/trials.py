"""From trial to trial: choose settings, train, score, note what came of it, choose again. Each step is taken in the
transaction in which the one before it ends, so an experiment that was interrupted anywhere goes on from there.

The kinds `train` and `evaluate` ask here what follows when a job of theirs ends that belongs to a trial.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.experiment_rows import Experiment, Trial
from daemon.database.models import Evaluation, Job, Run
from daemon.errors import MynaError
from daemon.kinds.kind import FollowUp
from daemon.state import experiments, recommendation
from daemon.state.status import State
from daemon.state.values import ExperimentState, TrialState
from engines.metrics.findings import Finding, Found
from engines.training import space
from proto import myna_pb2 as pb

#: Findings after which settings are never recommended, whatever they gain.
LIMITS = frozenset({Found.BEYOND_LIMIT, Found.LINES_FAILED})


def next_choice(session: Session, experiment: Experiment) -> Sequence[FollowUp]:
    """The job that chooses the settings of the next trial; none, when there is to be none: the experiment is over."""
    if experiment.state != ExperimentState.RUNNING:
        return ()
    made = len(experiments.trials(session, experiment))
    if made >= experiment.trials:
        experiments.end(session, experiment, ExperimentState.COMPLETE)
        return ()
    spec = pb.ExperimentSpec(experiment=experiment.id, trial=made + 1)
    return [FollowUp(pb.JobSpec(experiment=spec), _key(experiment, made + 1, "choice"), _fails(session, experiment))]


def begin(session: Session, experiment: Experiment, trial: Trial, early_steps: int = 0) -> Sequence[FollowUp]:
    """The training of a trial whose settings are chosen; with `early_steps`, first one of so many steps."""

    def submitted(job: Job) -> None:
        trial.train_job = job.id
        job.title = title(session, trial, job.title)

    spec = pb.JobSpec(train=train_spec(experiment, trial.settings, early_steps))
    key = _key(experiment, trial.number, "early" if early_steps else "training")
    return [FollowUp(spec, key, _fails(session, experiment), submitted)]


def title(session: Session, trial: Trial, work: str) -> str:
    """Of the training of a trial; `work` is what it trains."""
    return f"{work} (trial {trial.number} of experiment {session.get_one(Experiment, trial.experiment).number})"


def train_spec(experiment: Experiment, settings: dict[str, Any], steps: int = 0) -> pb.TrainSpec:
    """What a trial with these settings trains; with `steps`, so many of them."""
    options = pb.TrainOptions()
    for name, value in settings.items():
        if name in pb.TrainOptions.DESCRIPTOR.fields_by_name:
            setattr(options, name, value)
        else:
            options.engine[name] = space.written(value)
    if steps:
        options.steps = steps
    spec = pb.TrainSpec(voice=experiment.voice, dataset=experiment.dataset, options=options)
    setattr(spec, "from", experiment.start)
    return spec


def no_version(session: Session, trial: Trial, run: Run | None) -> Sequence[FollowUp]:
    """The training of a trial succeeded, and no version came of it."""
    _note_cost(session, trial, run)
    return _ended(session, trial, TrialState.NOTHING_GAINED, _said(run))


@dataclass(frozen=True)
class Scoring:
    """How the version of a trial is scored."""

    against: int  #: version; 0: the base
    refused: Callable[[MynaError], None]  #: it cannot be
    submitted: Callable[[Job], None]  #: this job does it


def scoring(session: Session, trial: Trial, run: Run) -> Scoring:
    """The training of a trial succeeded, and made a version."""
    experiment = session.get_one(Experiment, trial.experiment)
    _note_cost(session, trial, run)

    def submitted(job: Job) -> None:
        if trial.state == TrialState.TRAINING:
            trial.state, trial.version, trial.evaluate_job = TrialState.SCORING, run.to_version, job.id
            experiments.changed(session, experiment)

    return Scoring(experiment.rival, _fails(session, experiment), submitted)


def scored(session: Session, trial: Trial, job: Job) -> Sequence[FollowUp]:
    """The scoring of a trial succeeded."""
    if trial.state not in experiments.LIVE:
        return ()
    evaluation = session.scalars(select(Evaluation).where(Evaluation.job == job.id)).one()
    report: dict[str, Any] = evaluation.report
    score = report.get("verdict", {}).get("score")
    _note_seconds(session, trial)
    if score is None:
        return _ended(session, trial, TrialState.FAILED, evaluation.verdict)
    experiment = session.get_one(Experiment, trial.experiment)
    if experiment.stop_early and trial.early_score is None:
        return _scored_early(session, experiment, trial, float(score))
    sure = report.get("spread", {}).get("balance") or {}
    trial.score, trial.low, trial.high = float(score), sure.get("low"), sure.get("high")
    found = [Finding.from_json(values) for values in report.get("findings", ())]
    trial.beyond_limit = any(one is not None and one.found in LIMITS for one in found)
    return _ended(session, trial, TrialState.SCORED, "")


def _scored_early(session: Session, experiment: Experiment, trial: Trial, score: float) -> Sequence[FollowUp]:
    """A trial with a part of its steps was scored: it is trained whole, or it has lost."""
    rows = experiments.trials(session, experiment)
    others = [one.early_score for one in rows if one.early_score is not None]
    trial.early_score, trial.early_seconds = score, trial.seconds
    trial.early_train_job, trial.early_evaluate_job = trial.train_job, trial.evaluate_job
    if not recommendation.goes_on(score, others):
        return _ended(session, trial, TrialState.STOPPED_EARLY, "")
    if experiment.state != ExperimentState.RUNNING:
        return _ended(session, trial, TrialState.CANCELLED, "")
    trial.state, trial.version, trial.evaluate_job = TrialState.TRAINING, 0, None
    experiments.changed(session, experiment)
    return begin(session, experiment, trial)


def ended_badly(session: Session, trial: Trial, job: Job) -> Sequence[FollowUp]:
    """A training or a scoring of a trial failed or was cancelled: the next trial follows."""
    if trial.state in experiments.LIVE:
        _note_seconds(session, trial)
    state = TrialState.CANCELLED if job.state == State.CANCELLED else TrialState.FAILED
    return _ended(session, trial, state, job.why)


def failed(session: Session, trial: Trial, why: str) -> Sequence[FollowUp]:
    """The settings of a trial cannot be trained with."""
    return _ended(session, trial, TrialState.FAILED, why)


def cancelled(session: Session, trial: Trial) -> Sequence[FollowUp]:
    """The experiment was cancelled while the settings of a trial were chosen."""
    return _ended(session, trial, TrialState.CANCELLED, "")


def leave_out(session: Session, experiment: Experiment, trial: Trial) -> None:
    """The trial would not fit into the budget: it is not begun, and the experiment is over."""
    trial.state = TrialState.LEFT_OUT
    experiments.end(session, experiment, ExperimentState.BUDGET_SPENT)


def _ended(session: Session, trial: Trial, state: TrialState, why: str) -> Sequence[FollowUp]:
    """A trial is over; one that is over already (a person tried its job again) stays as it is."""
    if trial.state not in experiments.LIVE:
        return ()
    experiment = session.get_one(Experiment, trial.experiment)
    trial.state, trial.why = state, why
    experiments.changed(session, experiment)
    return next_choice(session, experiment)


def _note_seconds(session: Session, trial: Trial) -> None:
    trial.seconds = trial.early_seconds + experiments.worked(session, (trial.train_job, trial.evaluate_job))


def _note_cost(session: Session, trial: Trial, run: Run | None) -> None:
    if trial.state in experiments.LIVE:
        trial.seconds = trial.early_seconds + experiments.worked(session, (trial.train_job,))
        trial.clips = run.step * int(run.settings.get("batch_size", 0)) if run is not None else 0


def _said(run: Run | None) -> str:
    return str(run.result.get("ended") or "") if run is not None else ""


def _fails(session: Session, experiment: Experiment) -> Callable[[MynaError], None]:
    """For a job that cannot be submitted: no other trial's could be."""

    def refused(error: MynaError) -> None:
        experiments.end(session, experiment, ExperimentState.FAILED, str(error))

    return refused


def _key(experiment: Experiment, number: int, what: str) -> str:
    return f"experiment-{experiment.id}-trial-{number}-{what}"
