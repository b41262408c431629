"""Jobs: submitting, asking, and every way a job's state may change. Each change checks the present state, acts, and emits one event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from daemon.errors import ERROR_KINDS, BadRequest, NotFound, NotNow
from daemon.kinds import NAMES, kind
from daemon.models import LIVE, Attempt, Job, now
from daemon.state import events
from daemon.status import ENDED, STATES, Cancelled, Error, Failed, Paused, Queued, Running, Status, Succeeded
from proto import myna_pb2 as pb

#: attempts in a row that may die without a word before the job is given up
CRASH_LIMIT = 3
#: rows of a page, if the caller names none, and at most
PAGE, PAGE_LIMIT = 50, 1_000
#: the newest job's id
NEWEST = select(func.max(Job.id))


# ------------------------------------------------------------------------------------------------------------- asking


def get(session: Session, id: int) -> Job:
    """The job. Raises NotFound."""
    job = session.get(Job, id)
    if job is None:
        raise NotFound(f"There is no job {id}.", "`myna jobs` lists them.")
    return job


def status_of(job: Job) -> Status:
    """The job's status as a sum type."""
    match job.state:
        case "queued":
            return Queued(job.queued_since, job.why)
        case "running":
            return Running(_set(job.started))
        case "paused":
            return Paused(_set(job.started), _set(job.paused_since), job.paused_by_person, job.why)
        case "succeeded":
            return Succeeded(_set(job.started), _set(job.ended), job.why)
        case "failed":
            return Failed(job.started, _set(job.ended), Error(job.error_kind, job.why, job.error_hint, job.log_tail))
        case "cancelled":
            return Cancelled(_set(job.ended), job.cancelled_by)
    raise ValueError(f"job {job.id} has the unknown state {job.state!r}")


def message(job: Job) -> pb.Job:
    """The job as it goes over the wire."""
    out = pb.Job(
        id=job.id,
        kind=wire_kind(job.kind),
        voice=job.voice,
        title=job.title,
        attempts=job.attempts,
        run=job.run or 0,
        priority=job.priority,
        submitted=_stamp(job.submitted),
        idempotency_key=job.idempotency_key or "",
        spec=pb.JobSpec.FromString(job.spec),
        parent_job=job.parent_job or 0,
        gpu_lane=job.gpu_lane,
        place=job.place,
    )
    status = out.status
    match status_of(job):
        case Queued(since, why):
            status.queued.CopyFrom(pb.JobStatus.Queued(since=_stamp(since), why_waiting=why))
        case Running(started):
            status.running.CopyFrom(pb.JobStatus.Running(started=_stamp(started)))
        case Paused(started, since, by_person, why):
            status.paused.CopyFrom(pb.JobStatus.Paused(started=_stamp(started), since=_stamp(since), by_person=by_person, why=why))
        case Succeeded(started, ended, sentence):
            status.succeeded.CopyFrom(pb.JobStatus.Succeeded(started=_stamp(started), ended=_stamp(ended), sentence=sentence))
        case Failed(began, ended, error):
            told = pb.JobError(
                kind=ERROR_KINDS.get(error.kind, pb.ENGINE), sentence=error.sentence, hint=error.hint, log_tail=error.log_tail
            )
            status.failed.CopyFrom(pb.JobStatus.Failed(started=_stamp(began) if began else None, ended=_stamp(ended), error=told))
        case Cancelled(ended, by):
            status.cancelled.CopyFrom(pb.JobStatus.Cancelled(ended=_stamp(ended), by=by))
    return out


def page(
    session: Session, *, voice: str = "", states: Sequence[str] = (), kinds: Sequence[str] = (), token: str = "", size: int = 0
) -> tuple[list[Job], str]:
    """(jobs, newest first; token of the next page, empty at the end). Raises BadRequest for unknown states or a foreign token."""
    if unknown := set(states) - set(STATES):
        raise BadRequest(f"There is no job state {sorted(unknown)[0]!r}.", f"Use {', '.join(STATES)}.")
    size = min(size or PAGE, PAGE_LIMIT)
    query = select(Job).order_by(Job.id.desc()).limit(size + 1)
    if token:
        if not (token.isascii() and token.isdigit() and len(token) < 19):
            raise BadRequest(f"{token!r} is no page token.", "Use the token of the last answer.")
        query = query.where(Job.id < int(token))
    if voice:
        query = query.where(Job.voice == voice)
    if states:
        query = query.where(Job.state.in_(states))
    if kinds:
        query = query.where(Job.kind.in_(kinds))
    rows = list(session.scalars(query))
    more = len(rows) > size
    rows = rows[:size]
    return rows, str(rows[-1].id) if more else ""


def counts(session: Session) -> dict[str, int]:
    """Jobs by state."""
    found = dict(session.execute(select(Job.state, func.count()).group_by(Job.state)).tuples().all())
    return {state: found.get(state, 0) for state in STATES}


def live(session: Session) -> list[Job]:
    """Queued, running and paused jobs, in the order the scheduler serves them."""
    return list(session.scalars(select(Job).where(text(LIVE)).order_by(Job.priority.desc(), Job.place, Job.id)))


def find_live(session: Session, kind_name: str, voice: str) -> Job | None:
    """A queued, running or paused job of that kind and voice, if there is one."""
    return session.scalars(select(Job).where(text(LIVE), Job.kind == kind_name, Job.voice == voice).order_by(Job.id).limit(1)).first()


# ---------------------------------------------------------------------------------------------------------- submitting


def submit(session: Session, spec: pb.JobSpec, *, key: str = "", priority: int = 0, parent_job: int | None = None) -> Job:
    """Put a job into the queue; with the key of an earlier submit, return that job instead. Raises what the kind's check raises."""
    if key:
        earlier = session.scalars(select(Job).where(Job.idempotency_key == key)).first()
        if earlier is not None:
            return earlier
    which = spec.WhichOneof("spec")
    if which is None:
        raise BadRequest("The job says nothing to do.", "Set one of ingest, dataset, train, evaluate, speak, export, import, fetch.")
    of = kind(which)
    voice, title = of.check(session, spec)
    time = now()
    id = (session.connection().execute(NEWEST).scalar() or 0) + 1  # known before the row is: one statement less, on the way of every submit
    job = Job(
        id=id,
        kind=which,
        voice=voice,
        title=title,
        spec=spec.SerializeToString(),
        gpu_lane=of.gpu_lane,
        priority=of.priority + priority,
        place=float(id),
        idempotency_key=key or None,
        parent_job=parent_job,
        state="queued",
        attempts=0,
        crashes=0,
        paused_by_person=False,
        submitted=time,
        queued_since=time,
        why="",
        error_kind="",
        error_hint="",
        log_tail="",
        cancelled_by="",
    )
    session.add(job)
    _changed(session, job)
    return job


# -------------------------------------------------------------------------------------------- what a person may ask for


def cancel(session: Session, job: Job, by: str = "a person") -> bool:
    """End a waiting job now. True: a worker is at it and has to be told; it is cancelled when that has ended. Raises NotNow if it ended."""
    _alive(job)
    if job.state == "queued" or (job.state == "paused" and not running_attempt(session, job)):
        _cancelled(session, job, by)
        return False
    job.cancelled_by = by
    return True


def pause(session: Session, job: Job) -> bool:
    """Hold a job. True: a worker is at it and has to be told. Raises NotNow if it ended or is held already."""
    _alive(job)
    if job.cancelled_by:
        raise NotNow(f"Job {job.id} is being cancelled.", "")
    if job.state == "paused" and job.paused_by_person:
        raise NotNow(f"Job {job.id} is paused already.", f"`myna resume {job.id}` goes on.")
    was_running = job.state != "queued"
    if job.state == "queued":
        job.started = job.started or now()
    job.state, job.paused_since, job.paused_by_person = "paused", now(), True
    job.why = "paused by a person"
    _changed(session, job)
    return was_running


def resume(session: Session, job: Job) -> bool:
    """Let a held job go on. True: a worker waits for the word. Raises NotNow if it is not paused."""
    if job.state != "paused":
        raise NotNow(f"Job {job.id} is {job.state}, not paused.", "")
    if not job.paused_by_person:
        raise NotNow(f"Job {job.id} gave way for a moment: {job.why}.", "It goes on by itself.")
    attempt = running_attempt(session, job)
    job.paused_by_person, job.paused_since = False, None
    if attempt is None:
        job.state, job.queued_since, job.why = "queued", now(), ""
        if job.attempts == 0:
            job.started = None
    else:
        job.paused_since, job.why = now(), "waiting for the GPU again"
    _changed(session, job)
    return attempt is not None


def retry(session: Session, job: Job) -> Job:
    """Put a failed or cancelled job back into the queue, at its old place. Raises NotNow for others."""
    if job.state not in ("failed", "cancelled"):
        raise NotNow(f"Job {job.id} is {job.state}; only failed and cancelled jobs can be tried again.", "")
    job.crashes = 0
    _requeued(session, job, "")
    return job


def reorder(session: Session, job: Job, *, before: int = 0, first: bool = False, last: bool = False) -> Job:
    """Move a waiting job; moving past jobs of another priority takes over that priority. Raises NotNow if it does not wait."""
    if job.state != "queued":
        raise NotNow(f"Job {job.id} is {job.state}; only waiting jobs can be moved.", "")
    lane = select(Job).where(text(LIVE), Job.gpu_lane == job.gpu_lane, Job.id != job.id).limit(1)
    waiting = lane.where(Job.state == "queued")
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
            coming = float((session.connection().execute(NEWEST).scalar() or 0) + 1)
            job.place = _between(session, job, behind.place, coming) if behind.place < coming else behind.place + 1
    else:
        raise BadRequest(f"Where job {job.id} shall go is not said.", "Set one of before, first, last.")
    _changed(session, job)
    return job


def _between(session: Session, job: Job, low: float, high: float) -> float:
    """A place between two neighbours. After some fifty moves to the same spot numbers run out there: then all ahead move up by one."""
    middle = (low + high) / 2
    if not low < middle < high:
        same = (Job.gpu_lane == job.gpu_lane, Job.priority == job.priority)
        ahead = update(Job).where(text(LIVE), *same, Job.place <= low, Job.id != job.id)
        session.execute(ahead.values(place=Job.place - 1), execution_options={"synchronize_session": "fetch"})
        middle = high - 0.5
    return middle


# ------------------------------------------------------------------------------------------- what the scheduler reports


def set_why(session: Session, job: Job, why: str) -> bool:
    """Say why a job waits. Writes (and tells) only what changed; True if it did."""
    if job.why == why or job.state != "queued":
        return False
    job.why = why
    _changed(session, job)
    return True


def start_attempt(session: Session, job: Job, pid: int | None = None) -> Attempt:
    """A worker takes the job."""
    if job.state != "queued":
        raise NotNow(f"Job {job.id} is {job.state}, not waiting.", "")
    job.attempts += 1
    attempt = Attempt(job=job.id, number=job.attempts, pid=pid, started=now(), outcome="")
    session.add(attempt)
    job.state, job.why = "running", ""
    job.started = job.started or now()
    job.ended = None
    job.error_kind = job.error_hint = job.log_tail = job.cancelled_by = ""
    session.flush()
    _changed(session, job)
    return attempt


def running_attempt(session: Session, job: Job) -> Attempt | None:
    """The attempt that has not ended, if any."""
    return session.scalars(select(Attempt).where(Attempt.job == job.id, Attempt.ended.is_(None)).order_by(Attempt.id.desc())).first()


def end_attempt(session: Session, job: Job, outcome: str) -> None:
    """Close the running attempt. Outcomes: "succeeded", "failed", "crashed", "stopped", "cancelled", "lost"."""
    for attempt in session.scalars(select(Attempt).where(Attempt.job == job.id, Attempt.ended.is_(None))):
        attempt.ended, attempt.outcome = now(), outcome


def progressed(session: Session, job: Job) -> None:
    """The attempt got something done that lasts (a checkpoint, a committed report): earlier crashes no longer count."""
    job.crashes = 0


def preempt(session: Session, job: Job, why: str) -> None:
    """A running job has given way, or one that has waits for somebody else now."""
    if job.state == "running":
        job.state, job.paused_since, job.paused_by_person, job.why = "paused", now(), False, why
        _changed(session, job)
    elif job.state == "paused" and not job.paused_by_person and job.why != why:
        job.why = why
        _changed(session, job)


def unpreempt(session: Session, job: Job) -> None:
    """A job that gave way (or was resumed) runs again."""
    if job.state == "paused" and not job.paused_by_person:
        job.state, job.paused_since, job.why = "running", None, ""
        _changed(session, job)


def succeed(session: Session, job: Job, sentence: str) -> None:
    """The worker is done; what follows is submitted in the same transaction."""
    if job.state in ENDED:
        return
    end_attempt(session, job, "succeeded")
    _end(job, "succeeded", sentence)
    kind(job.kind).finished(session, job)
    _changed(session, job)


def fail(session: Session, job: Job, error: Error, outcome: str = "failed") -> None:
    """The job failed."""
    if job.state in ENDED:
        return
    end_attempt(session, job, outcome)
    _end(job, "failed", error.sentence)
    job.error_kind, job.error_hint, job.log_tail = error.kind, error.hint, error.log_tail
    kind(job.kind).ended_badly(session, job)
    _changed(session, job)


def cancelled(session: Session, job: Job) -> None:
    """The worker of a job that was to be cancelled has ended."""
    if job.state not in ENDED:
        end_attempt(session, job, "cancelled")
        _cancelled(session, job, job.cancelled_by or "a person")


def crashed(session: Session, job: Job, sentence: str, hint: str, log_tail: str, *, counts: bool = True, blamed: bool = False) -> None:
    """The worker died without a word. A job that can go on waits at its old place; after CRASH_LIMIT in a row it fails. With `counts` False
    the job was not what killed it; with `blamed` too, a single file was, and the job goes on without that file sooner or later."""
    if job.state in ENDED:
        return
    if job.cancelled_by:
        cancelled(session, job)
        return
    job.crashes += counts
    if kind(job.kind).resumable and job.crashes < CRASH_LIMIT:
        requeue(session, job, f"goes on after a crash: {sentence}", outcome="crashed" if counts or blamed else "lost")
        job.log_tail = log_tail
        return
    times = f" {job.crashes} times in a row" if job.crashes > 1 else ""
    fail(session, job, Error("crashed", f"The worker died{times}: {sentence}", hint, log_tail), outcome="crashed")


def requeue(session: Session, job: Job, why: str, outcome: str = "stopped") -> None:
    """A running or paused job goes back to the queue at its old place, to go on later. A person's pause stays a pause."""
    if job.state in ENDED:
        return
    if job.cancelled_by:  # somebody wanted it ended meanwhile
        cancelled(session, job)
        return
    end_attempt(session, job, outcome)
    if job.state == "paused" and job.paused_by_person:
        _changed(session, job)
        return
    _requeued(session, job, why)


def recover(session: Session) -> list[int]:
    """At start-up: whatever the last daemon left running goes back to the queue, or fails if it cannot go on. Returns the ids."""
    touched = []
    for job in session.scalars(select(Job).where(text(LIVE), Job.state.in_(("running", "paused")))).all():
        if job.paused_by_person and running_attempt(session, job) is None:
            continue  # a person holds it, and nobody was at it
        if job.cancelled_by:
            cancelled(session, job)
        elif kind(job.kind).resumable:
            requeue(session, job, "goes on after the daemon was restarted", outcome="lost")
        else:
            sentence = "The daemon stopped while this ran."
            fail(session, job, Error("crashed", sentence, "Ask for it again.", ""), outcome="lost")
        touched.append(job.id)
    return touched


# ------------------------------------------------------------------------------------------------------------- private


def wire_kind(name: str) -> pb.JobKind.ValueType:
    """The wire's value for a kind's name."""
    return next(value for value, known in NAMES.items() if known == name)


def kind_name(value: pb.JobKind.ValueType) -> str:
    """The name of a wire value. Raises BadRequest for one that is none."""
    name = NAMES.get(value)
    if name is None:
        raise BadRequest(f"There is no job kind {value}.", f"Kinds are {', '.join(NAMES.values())}.")
    return name


def _alive(job: Job) -> None:
    if job.state in ENDED:
        raise NotNow(f"Job {job.id} has {job.state} already." if job.state != "cancelled" else f"Job {job.id} is cancelled already.", "")


def _cancelled(session: Session, job: Job, by: str) -> None:
    _end(job, "cancelled", "")
    job.cancelled_by = by
    kind(job.kind).ended_badly(session, job)
    _changed(session, job)


def _end(job: Job, state: str, sentence: str) -> None:
    job.state, job.ended, job.why = state, now(), sentence
    job.started = job.started or (job.ended if state == "succeeded" else None)
    job.paused_since, job.paused_by_person = None, False


def _requeued(session: Session, job: Job, why: str) -> None:
    job.state, job.queued_since, job.why = "queued", now(), why
    job.started = job.ended = job.paused_since = None
    job.paused_by_person = False
    job.error_kind = job.error_hint = job.log_tail = job.cancelled_by = ""
    _changed(session, job)


def _changed(session: Session, job: Job) -> None:
    session.flush()
    events.emit(session, pb.Event(job=message(job)), job.voice)


def _set(time: datetime | None) -> datetime:
    if time is None:
        raise ValueError("a job's row lacks a time that its state demands")
    return time


def _stamp(time: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp
