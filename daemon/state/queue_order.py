"""The order of waiting jobs: a person moves one. Higher priorities go first, and smaller places among the same."""

from __future__ import annotations

from sqlalchemy import Select, select, text, update
from sqlalchemy.orm import Session

from daemon.database.models import LIVE, Job
from daemon.database.quota_rows import THEIRS
from daemon.database.store import caller_of
from daemon.errors import BadRequest, NotAllowed, NotNow
from daemon.state import jobs
from daemon.state.status import STANDING, State


def line(person: str | None, *, gpu: bool) -> Select[Job]:
    """Waiting jobs of a lane in their order, a person's (empty: the owner's) or everybody's (None)."""
    alive = text(THEIRS) if person else text(LIVE)  # word for word as in the index, or the index is not used
    query = select(Job).where(alive, Job.state == State.QUEUED, Job.gpu_lane == gpu)
    query = query.order_by(Job.priority.desc(), Job.place)
    return query if person is None else query.where(Job.person == person)


def people(session: Session, *, gpu: bool) -> list[str]:
    """Who but the owner has jobs waiting in a lane."""
    theirs = select(Job.person).where(text(THEIRS), Job.state == State.QUEUED, Job.gpu_lane == gpu)
    return list(session.scalars(theirs.distinct().order_by(Job.person)))


def reorder(session: Session, job: Job, *, before: int = 0, first: bool = False, last: bool = False) -> Job:
    """Move a waiting job; moving past jobs of another priority takes over that priority. People move their own, past
    their own: whose turn it is does not depend on it (`daemon.scheduling.turns`). Raises NotNow if it does not wait,
    NotAllowed for another's."""
    caller = caller_of(session)
    if not caller.everything and job.person != caller.name:
        raise NotAllowed(f"{caller.title} may not move job {job.id}: somebody else asked for it.", "Move your own.")
    if job.state != State.QUEUED:
        raise NotNow(f"Job {job.id} {STANDING[State(job.state)]}; only waiting jobs can be moved.", "")
    lane = select(Job).where(text(LIVE), Job.gpu_lane == job.gpu_lane, Job.id != job.id).limit(1)
    waiting = lane.where(Job.state == State.QUEUED)
    if not caller.everything:
        waiting = waiting.where(Job.person == caller.name)
    if before or first:
        wanted = waiting.where(Job.id == before) if before else waiting.order_by(Job.priority.desc(), Job.place, Job.id)
        target = session.scalars(wanted).first()
        if target is None and before:
            raise NotNow(f"Job {before} does not wait in the same lane.", "`myna jobs` shows the queue.")
        if target is not None and (before or target.priority >= job.priority):
            job.priority = target.priority
            # running jobs count too: should they come back to the queue, they come back to their old place
            ahead = lane.where(Job.priority == target.priority, Job.place < target.place).order_by(Job.place.desc())
            other = session.scalars(ahead).first()
            job.place = _between(session, job, other.place, target.place) if other is not None else target.place - 1
    elif last:
        target = session.scalars(waiting.order_by(Job.priority)).first()
        if target is not None and target.priority <= job.priority:
            job.priority = target.priority
            behind = session.scalars(lane.where(Job.priority == target.priority).order_by(Job.place.desc())).one()
            # ahead of the place that the next job to be submitted will get
            coming = float(jobs.next_id(session))
            job.place = _between(session, job, behind.place, coming) if behind.place < coming else behind.place + 1
    else:
        raise BadRequest(f"The request does not say where job {job.id} should go.", "Set one of before, first, last.")
    jobs.changed(session, job)
    return job


def _between(session: Session, job: Job, low: float, high: float) -> float:
    """A place between two neighbours. After some fifty moves to the same spot numbers run out there: then all ahead
    move up by one."""
    middle = (low + high) / 2
    if not low < middle < high:
        same = (Job.gpu_lane == job.gpu_lane, Job.priority == job.priority)
        ahead = update(Job).where(text(LIVE), *same, Job.place <= low, Job.id != job.id)
        session.execute(ahead.values(place=Job.place - 1), execution_options={"synchronize_session": "fetch"})
        middle = high - 0.5
    return middle
