"""What work cost, as the wire tells it: by voice and month; of a voice by job, run, step, checkpoint and version. It is
of jobs that the caller may see."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from daemon.caller import Right
from daemon.database.energy_rows import Spent
from daemon.database.models import Evaluation, Job, PointRow, Run, SeriesRow, Version, Voice, now
from daemon.errors import BadRequest
from daemon.state import budgets, jobs, seen, spent, voices
from daemon.state.spent import Total
from proto import myna_pb2 as pb

#: most that are told of, the newest
JOBS, RUNS, VERSIONS, CHECKPOINTS = 50, 20, 50, 25
#: of a run's points: joules that it had taken when it got to a step
SERIES = "energy"
_MONTH = re.compile("[0-9]{4}-(0[1-9]|1[0-2])")


def answer(session: Session, voice: str, month: str) -> pb.CostsResponse:
    """Of a voice (empty: of all), of a month (empty: of all time). Raises BadRequest for what is no month, NotFound."""
    if month and not _MONTH.fullmatch(month):
        raise BadRequest(f"There is no month {month!r}.", "Write it like 2026-11.")
    if voice:
        voices.get_with_deleted(session, voice)
    where = [*([Job.voice == voice] if voice else []), *([Spent.month == month] if month else [])]
    by_voice, by_month = spent.grouped(session, Job.voice, *where), spent.grouped(session, Spent.month, *where)
    everything = Total()
    for one in by_voice.values():
        everything.add(one)
    told = pb.CostsResponse(
        all=everything.message(),
        voices=[pb.VoiceCost(voice=name, spent=one.message()) for name, one in sorted(by_voice.items())],
        months=[pb.MonthCost(month=name, spent=one.message()) for name, one in sorted(by_month.items(), reverse=True)],
        budgets=_budgets(session, voice),
        month=spent.month_of(now()),
    )
    if voice:
        told.jobs.extend(_jobs(session, where))
        told.runs.extend(_runs(session, where))
        told.versions.extend(_versions(session, voice, month))
    return told


def _budgets(session: Session, voice: str) -> list[pb.Budget]:
    query = select(Voice).where(Voice.deleted.is_(None)).order_by(Voice.name)
    if (where := seen.voices_where(session, Voice.name, Right.READ)) is not None:
        query = query.where(where)
    rows = session.scalars(query.where(Voice.name == voice) if voice else query)
    found = (budgets.of(session, row, now()) for row in rows)
    return [one.message() for one in found if one is not None]


def _jobs(session: Session, where: list[Any]) -> list[pb.JobCost]:
    newest = _newest(session, Job.id, JOBS, *where)
    totals = spent.grouped(session, Spent.job, Spent.job.in_(newest), *where)
    rows = session.scalars(select(Job).where(Job.id.in_(totals)).order_by(Job.id.desc()))
    return [
        pb.JobCost(
            job=row.id, kind=jobs.wire_kind(row.kind), title=row.title, run=row.run or 0, spent=totals[row.id].message()
        )
        for row in rows
    ]


def _runs(session: Session, where: list[Any]) -> list[pb.RunCost]:
    newest = _newest(session, Job.run, RUNS, Job.kind == "train", *where)
    totals = spent.grouped(session, Job.run, Job.run.in_(newest), Job.kind == "train", *where)
    rows = session.scalars(select(Run).where(Run.id.in_(totals)).order_by(Run.id.desc()))
    found = []
    for row in rows:
        one = pb.RunCost(run=row.id, steps=row.step, spent=totals[row.id].message())
        if (joules := spent.per_step(totals[row.id], row.step)) is not None:
            one.joules_per_step = joules
        taken = until(session, row.id, _thinned(_measured(session, row.id)))
        one.checkpoints.extend(pb.CheckpointCost(step=step, joules=joules) for step, joules in taken.items())
        found.append(one)
    return found


def _versions(session: Session, voice: str, month: str) -> list[pb.VersionCost]:
    of_month = [Spent.month == month] if month else []
    rows = list(
        session.scalars(select(Version).where(Version.voice == voice).order_by(Version.number.desc()).limit(VERSIONS))
    )
    runs = [row.run for row in rows if row.run]
    training = spent.grouped(session, Job.run, Job.run.in_(runs), Job.kind == "train", *of_month)
    scored = select(Evaluation.job, Evaluation.version).where(Evaluation.voice == voice)
    version_of = dict(session.execute(scored).tuples().all())
    scoring: dict[int, Total] = {}
    for job, one in spent.grouped(session, Spent.job, Spent.job.in_(version_of), *of_month).items():
        scoring.setdefault(version_of[job], Total()).add(one)
    found = []
    for row in rows:
        parts = [training.get(row.run, Total()), scoring.get(row.number, Total())]
        both = Total()
        for part in parts:
            both.add(part)
        if both.seconds:
            trained, scored_for = (part.message() for part in parts)
            cost = pb.VersionCost(version=row.number, run=row.run, all=both.message())
            cost.training.CopyFrom(trained)
            cost.scoring.CopyFrom(scored_for)
            found.append(cost)
    return found


def until(session: Session, run: int, steps: list[int]) -> dict[int, float]:
    """Joules that a run had taken when it got to these steps, as far as that was noted. After a crash some steps are
    done twice: what they took counts, both times."""
    series = select(SeriesRow.id).where(SeriesRow.run == run, SeriesRow.name == SERIES).scalar_subquery()
    found: dict[int, float] = {}
    for step in steps:
        value = session.scalar(select(func.max(PointRow.value)).where(PointRow.series == series, PointRow.step <= step))
        if value is not None:
            found[step] = value
    return found


def with_spent(session: Session, run: Run, told: pb.Run) -> pb.Run:
    """A run's message with what its job took, for whoever may read its voice."""
    total = spent.of_job(session, run.job)
    if total.seconds:
        told.spent.CopyFrom(total.message())
    if (joules := spent.per_step(total, run.step)) is not None:
        told.joules_per_step = joules
    return told


def with_joules(session: Session, run: Run, told: pb.CheckpointsResponse) -> pb.CheckpointsResponse:
    """A run's checkpoints with what it had taken when it got to each."""
    taken = until(session, run.id, [one.step for one in told.checkpoints if one.step])
    for one in told.checkpoints:
        if one.step in taken:
            one.joules = taken[one.step]
    return told


def _newest(session: Session, column: Any, most: int, *where: Any) -> list[int]:
    query = select(column).join(Spent, Spent.job == Job.id).where(column.is_not(None), *where).distinct()
    return list(session.scalars(query.order_by(column.desc()).limit(most)))


def _measured(session: Session, run: int) -> list[int]:
    """Steps at which the run measured how it did, ascending."""
    series = select(SeriesRow.id).where(SeriesRow.run == run, SeriesRow.name == "held_out/loss").scalar_subquery()
    query = select(PointRow.step).where(PointRow.series == series, PointRow.step > 0).order_by(PointRow.step)
    return list(session.scalars(query))


def _thinned(steps: list[int]) -> list[int]:
    """At most CHECKPOINTS of them; the last is among them."""
    every = -(-len(steps) // CHECKPOINTS) or 1
    return [step for place, step in enumerate(steps) if (len(steps) - 1 - place) % every == 0]
