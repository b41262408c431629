"""Experiments of a voice with ten clips, led by hand: what workers would report is said here."""

from __future__ import annotations

import json
from typing import Any

import lives
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import report, version

from daemon.database.experiment_rows import Experiment, Trial
from daemon.database.models import Job, Run, Version
from daemon.kinds.experiment import start, trials
from daemon.state import experiments, jobs
from daemon.state.status import State
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

BETTER = wire.EvaluateResult.BETTER


def request(space: dict[str, str] | None = None, **fields: Any) -> pb.StartExperimentRequest:
    found = [pb.SearchSetting(name=name, values=values) for name, values in (space or {"steps": "50,100,200"}).items()]
    return pb.StartExperimentRequest(voice="anna", space=found, **fields)


def begin(session: Session, asked: pb.StartExperimentRequest) -> Experiment:
    lifecycle = lives.lifecycle(session)
    row, _ = start.start(session, lifecycle.kinds.train, asked)
    lifecycle.follow(session, trials.next_choice(session, row))
    return row


def live(session: Session, kind: str) -> Job:
    """The one job of the experiment that has not ended, which is of this kind."""
    (job,) = (one for one in jobs.live(session))
    assert job.kind == kind, job.title
    return job


def run_of(session: Session, job: Job) -> Session:
    """Have a worker at the job."""
    jobs.start_attempt(session, job)
    return session


def chosen(session: Session, job: Job, **settings: Any) -> None:
    """A worker reports that it chose these settings."""
    report = wire.Report(chosen=wire.TrialChosen(settings_json=json.dumps(settings)))
    lives.kind(session, "experiment").commit(session, job, report)


def choose(session: Session, **settings: Any) -> Trial:
    """A worker chose these settings."""
    job = live(session, "experiment")
    run_of(session, job)
    for _ in range(2):  # after a crash the same report comes again
        chosen(session, job, **settings)
    lives.succeed(session, job, "chosen")
    return session.scalars(select(Trial).order_by(Trial.id.desc())).first()  # type: ignore[return-value]


def trained(session: Session, *, steps: int = 50, made: bool = True) -> Job:
    """A worker trained a version of the batch size 10, or found nothing to gain."""
    job = live(session, "train")
    run_of(session, job)
    settings = {"batch_size": 10, "steps": steps}
    run = Run(
        voice="anna", engine="glow", job=job.id, dataset=2, settings=settings,
        result={"ended": "It is over."}, step=steps,
    )  # fmt: skip
    if made:
        number = len(session.scalars(select(Version)).all()) + 1
        version(session, number, data=2)
        run.to_version = number
    session.add(run)
    session.flush()
    job.run = run.id
    lives.succeed(session, job, "trained")
    return job


def steps_of(session: Session) -> int:
    """Of the training that waits."""
    return pb.JobSpec.FromString(live(session, "train").spec).train.options.steps


def scored(session: Session, score: float | None, *, low: float = 0.0, high: float = 0.0, beyond: bool = False) -> Job:
    """A worker scored the trial's version."""
    job = live(session, "evaluate")
    run_of(session, job)
    findings = [{"found": "beyond the limit", "metric": "wer", "candidate": 0.9, "limit": 0.1}] if beyond else []
    details = {
        **report(["held"]),
        "verdict": {"score": score},
        "findings": findings,
        "spread": {"balance": {"low": low, "high": high}},
    }
    result = wire.EvaluateResult(
        better=True, outcome=BETTER, verdict="So it is.", metrics={"wer": 0.2}, against_metrics={"wer": 0.4},
        report_json=json.dumps(details),
    )  # fmt: skip
    lives.kind(session, "evaluate").commit(session, job, wire.Report(evaluated=result))
    lives.succeed(session, job, "scored")
    return job


def told(session: Session) -> pb.Experiment:
    """The experiment as clients see it."""
    return experiments.message(session, experiments.get(session, "anna"))


def states(session: Session) -> list[str]:
    return [one.state for one in session.scalars(select(Trial).order_by(Trial.number))]


def none_live(session: Session) -> bool:
    return not [job for job in jobs.live(session) if job.state != State.SUCCEEDED]
