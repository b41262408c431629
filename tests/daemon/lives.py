"""The life of jobs in a test's database: `daemon.kinds.lifecycle` and the kinds, made for the home that the session's
database lies in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from daemon import settings
from daemon.database.models import Job
from daemon.kinds.kind import Kind
from daemon.kinds.lifecycle import Lifecycle
from daemon.kinds.registry import Kinds
from daemon.state.status import Error
from proto import myna_pb2 as pb


def lifecycle(session: Session) -> Lifecycle:
    """With the settings that lie in the home now."""
    home = Path(str(session.get_bind().engine.url.database)).parent
    return Lifecycle(Kinds(home, settings.load(home)))


def kind(session: Session, name: str) -> Kind:
    return lifecycle(session).kinds[name]


def submit(session: Session, spec: pb.JobSpec, **how: Any) -> Job:
    return lifecycle(session).submit(session, spec, **how)


def cancel(session: Session, job: Job, by: str = "a person") -> None:
    lifecycle(session).cancel(session, job, by)


def succeed(session: Session, job: Job, sentence: str) -> None:
    lifecycle(session).succeed(session, job, sentence)


def fail(session: Session, job: Job, error: Error) -> None:
    lifecycle(session).fail(session, job, error)


def cancelled(session: Session, job: Job) -> None:
    lifecycle(session).cancelled(session, job)


def crashed(session: Session, job: Job, sentence: str, hint: str, log_tail: str) -> None:
    lifecycle(session).crashed(session, job, sentence, hint, log_tail)


def requeue(session: Session, job: Job, why: str) -> None:
    lifecycle(session).requeue(session, job, why)


def recover(session: Session) -> list[int]:
    return lifecycle(session).recover(session)
