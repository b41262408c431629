"""Jobs, runs and versions as the daemon itself tells them: rows of its database, through its own message functions.

So the paper daemon's messages have the shape of the real one's, and cannot drift from it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from daemon.database.models import Job, Row, Run, SeriesRow, Version
from daemon.settings import Settings
from daemon.state import jobs, runs, verdict, voices
from daemon.state.status import State
from daemon.state.values import Decision, VersionState
from proto import myna_pb2 as pb


def moment(stamp: Timestamp) -> datetime:
    """As rows have it."""
    return stamp.ToDatetime(UTC)


def job(
    id: int,
    kind: str,
    voice: str,
    title: str,
    state: State,
    submitted: Timestamp,
    *,
    progress: pb.Progress | None = None,
    since: Timestamp | None = None,
    started: Timestamp | None = None,
    ended: Timestamp | None = None,
    **fields: Any,
) -> pb.Job:
    """A job. `since` is when it began to wait; while it is paused, when that began. Progress is added as the job's
    service does."""
    row = Job(
        id=id,
        kind=kind,
        voice=voice,
        title=title,
        state=state,
        spec=pb.JobSpec().SerializeToString(),
        submitted=moment(submitted),
        queued_since=moment(since or submitted),
        paused_since=moment(since) if since is not None else None,
        started=moment(started) if started is not None else None,
        ended=moment(ended) if ended is not None else None,
        **{
            "gpu_lane": False, "priority": 0, "place": 0.0, "attempts": 1, "paused_by_person": False, "why": "",
            "waits_for": "", "error_kind": "", "error_hint": "", "log_tail": "", "cancelled_by": "", **fields,
        },
    )  # fmt: skip
    told = jobs.message(row)
    if progress is not None:
        getattr(told.status, state).progress.CopyFrom(progress)
    return told


def run(
    id: int,
    voice: str,
    settings: dict[str, Any],
    *,
    series: tuple[str, ...] = (),
    started: Timestamp | None = None,
    ended: Timestamp | None = None,
    **fields: Any,
) -> pb.Run:
    """A run of the engine glow, trained by the job of the same number."""
    base = create_engine("sqlite://", poolclass=StaticPool)
    Row.metadata.create_all(base)
    with Session(base, info={"settings": Settings()}) as session:
        row = Run(
            id=id, voice=voice, engine="glow", job=id, settings=settings, result={},
            started=moment(started) if started is not None else None,
            ended=moment(ended) if ended is not None else None, **fields,
        )  # fmt: skip
        session.add_all([row, *(SeriesRow(run=id, name=name) for name in series)])
        session.flush()
        told = runs.message(session, row)
    base.dispose()
    return told


def version(
    voice: str,
    number: int,
    state: VersionState,
    created: Timestamp,
    *,
    metrics: dict[str, float] | None = None,
    decision: Decision = Decision.WAITING,
    words: str = "",
    report_md: str = "",
    **fields: Any,
) -> pb.Version:
    """A version of the engine glow; its report as it would be read from its folder."""
    usual: dict[str, Any] = {
        "parent": 0,
        "dataset": 1,
        "run": 1,
        "engine": "glow",
        "kind": "full",
        "licence": "",
        "path": "",
        "size": 0,
    }
    row = Version(
        voice=voice,
        number=number,
        state=state,
        created=moment(created),
        metrics=metrics or {},
        verdict="",
        **{**usual, **fields},
    )
    verdict.put(row, decision, words)
    told = voices.version_message(row)
    told.report_md = report_md
    return told
