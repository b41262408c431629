"""Jobs: asking, and the changes of state that are the same for every kind (the others: `daemon.kinds.lifecycle`). Each
change checks the present state, acts, and emits one event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from daemon.database.models import LIVE, Attempt, Job, now
from daemon.errors import ERROR_KINDS, BadRequest, NotFound, NotNow, brief
from daemon.state import accounts, events, own_key, paging, seen, spoken_texts, voices
from daemon.state.stamp import stamp
from daemon.state.status import (
    ENDED,
    STANDING,
    STATES,
    Cancelled,
    Error,
    Failed,
    Outcome,
    Paused,
    Queued,
    Running,
    State,
    Status,
    Succeeded,
    Transition,
    WaitsFor,
)
from proto import myna_pb2 as pb

#: names of the wire's kinds
NAMES: dict[pb.JobKind.ValueType, str] = {
    pb.INGEST: "ingest",
    pb.DATASET: "dataset",
    pb.TRAIN: "train",
    pb.EVALUATE: "evaluate",
    pb.SPEAK: "speak",
    pb.EXPORT: "export",
    pb.IMPORT: "import",
    pb.FETCH: "fetch",
    pb.DERIVE: "derive",
    pb.EXPERIMENT: "experiment",
    pb.TRANSCRIBE: "transcribe",
    pb.PUSH: "push",
    pb.PULL: "pull",
}
TRANSITIONS: dict[Transition | None, pb.Transition.ValueType] = {
    None: pb.TRANSITION_UNSPECIFIED,
    Transition.CANCELLING: pb.CANCELLING,
    Transition.PAUSING: pb.PAUSING,
}
BY_PERSON = "paused by a person"
_NEWEST = select(func.max(Job.id))


# ------------------------------------------------------------------------------------------------------------- asking


def get(session: Session, id: int) -> Job:
    """The job. Raises NotFound, also where the caller is not to know of it."""
    job = session.get(Job, id)
    if job is None or not seen.job(session, job):
        raise NotFound(f"There is no job {id}.", "`myna jobs` lists them.")
    return job


def status_of(job: Job) -> Status:
    """The job's status as a sum type."""
    match job.state:
        case State.QUEUED:
            return Queued(job.queued_since, job.why, WaitsFor(job.waits_for))
        case State.RUNNING:
            return Running(_set(job.started), transition_of(job))
        case State.PAUSED:
            return Paused(_set(job.started), _set(job.paused_since), job.paused_by_person, job.why, transition_of(job))
        case State.SUCCEEDED:
            return Succeeded(_set(job.started), _set(job.ended), job.why)
        case State.FAILED:
            return Failed(job.started, _set(job.ended), Error(job.error_kind, job.why, job.error_hint, job.log_tail))
        case State.CANCELLED:
            return Cancelled(_set(job.ended), job.cancelled_by)
    raise ValueError(f"job {job.id} has the unknown state {job.state!r}")


def transition_of(job: Job) -> Transition | None:
    """What a worker at the job was asked for and has not done yet."""
    if job.cancelled_by and job.state in (State.RUNNING, State.PAUSED):
        return Transition.CANCELLING
    return Transition.PAUSING if job.state == State.RUNNING and job.paused_by_person else None


def message(job: Job, *, with_spec: bool = True) -> pb.Job:
    """The job as it goes over the wire."""
    out = pb.Job(
        id=job.id,
        kind=wire_kind(job.kind),
        voice=job.voice,
        title=job.title,
        attempts=job.attempts,
        run=job.run or 0,
        priority=job.priority,
        submitted=stamp(job.submitted),
        idempotency_key=own_key.plain(job.idempotency_key or ""),
        person=job.person,
        spec=pb.JobSpec.FromString(job.spec) if with_spec else None,
        parent_job=job.parent_job or 0,
        gpu_lane=job.gpu_lane,
        place=job.place,
    )
    if job.cleared is not None:
        out.cleared.FromDatetime(job.cleared)
    if job.gpu is not None:
        out.gpu.ParseFromString(job.gpu)
    status = out.status
    match status_of(job):
        case Queued(since, why, other):
            waits = pb.JobStatus.Queued(since=stamp(since), why_waiting=why, behind=job.behind, waits_for=other.wire)
            status.queued.CopyFrom(waits)
        case Running(started, transition):
            status.running.CopyFrom(pb.JobStatus.Running(started=stamp(started), transition=TRANSITIONS[transition]))
        case Paused(started, since, by_person, why, transition):
            paused = pb.JobStatus.Paused(started=stamp(started), since=stamp(since), by_person=by_person, why=why)
            paused.transition = TRANSITIONS[transition]
            status.paused.CopyFrom(paused)
        case Succeeded(started, ended, sentence):
            status.succeeded.CopyFrom(
                pb.JobStatus.Succeeded(started=stamp(started), ended=stamp(ended), sentence=sentence)
            )
        case Failed(began, ended, error):
            kind = ERROR_KINDS.get(error.kind, pb.ENGINE)
            said = pb.JobError(kind=kind, sentence=error.sentence, hint=error.hint, log_tail=error.log_tail)
            status.failed.CopyFrom(
                pb.JobStatus.Failed(started=stamp(began) if began else None, ended=stamp(ended), error=said)
            )
        case Cancelled(ended, by):
            status.cancelled.CopyFrom(pb.JobStatus.Cancelled(ended=stamp(ended), by=by))
    return out


def page(
    session: Session,
    *,
    voice: str = "",
    states: Sequence[str] = (),
    kinds: Sequence[str] = (),
    token: str = "",
    size: int = 0,
    cleared: bool = False,
) -> tuple[list[Job], str]:
    """(jobs, newest first; token of the next page, empty at the end). Those that were cleared away only if asked for.
    Raises BadRequest for unknown states or a foreign token."""
    if unknown := set(states) - set(STATES):
        raise BadRequest(f"There is no job state {sorted(unknown)[0]!r}.", f"Use {', '.join(STATES)}.")
    size, before = paging.size(size), paging.number(token)
    query = select(Job).order_by(Job.id.desc()).limit(size + 1)
    if (where := seen.jobs_where(session)) is not None:
        query = query.where(where)
    if not cleared:
        query = query.where(Job.cleared.is_(None))
    if before:
        query = query.where(Job.id < before)
    if voice:
        query = query.where(Job.voice == voice)
    if states:
        query = query.where(Job.state.in_(set(states)))
    if kinds:
        query = query.where(Job.kind.in_(set(kinds)))
    return paging.cut(session.scalars(query).all(), size, lambda row: row.id)


def counts(session: Session) -> dict[str, int]:
    """Jobs that the caller may see, by state; those that were cleared away are not counted."""
    shown = select(Job.state, func.count()).where(Job.cleared.is_(None)).group_by(Job.state)
    if (where := seen.jobs_where(session)) is not None:
        shown = shown.where(where)
    found = dict(session.execute(shown).tuples().all())
    return {state: found.get(state, 0) for state in STATES}


def live(session: Session) -> list[Job]:
    """Queued, running and paused jobs, in the order the scheduler serves them."""
    return list(session.scalars(select(Job).where(text(LIVE)).order_by(Job.priority.desc(), Job.place, Job.id)))


def find_live(session: Session, kind_name: str, voice: str) -> Job | None:
    """A queued, running or paused job of that kind and voice, if there is one."""
    return session.scalars(
        select(Job).where(text(LIVE), Job.kind == kind_name, Job.voice == voice).order_by(Job.id).limit(1)
    ).first()


def at_work(session: Session, kind_name: str, voice: str) -> Job | None:
    """A job of the kind that works at the voice now, or would if it had not given way; none that a person holds."""
    works = Job.state.in_(("running", "paused")), Job.paused_by_person.is_(False)
    return session.scalars(
        select(Job).where(text(LIVE), *works, Job.kind == kind_name, Job.voice == voice).limit(1)
    ).first()


def next_id(session: Session) -> int:
    """The number that the next job to be submitted will get."""
    return (session.connection().execute(_NEWEST).scalar() or 0) + 1


# -------------------------------------------------------------------------------------------- what a person may ask for


def pause(session: Session, job: Job) -> None:
    """Hold a job; one at work is pausing until its worker waits. Raises NotNow if it ended or is held already."""
    check_alive(job)
    if job.cancelled_by:
        raise NotNow(f"Job {job.id} is being cancelled.", "")
    if job.paused_by_person:
        how = "is being paused" if job.state == State.RUNNING else "is paused"
        raise NotNow(f"Job {job.id} {how} already.", f"`myna resume {job.id}` goes on.")
    job.paused_by_person = True
    if job.state != State.RUNNING:
        job.started = job.started or now()
        _hold(job)
    changed(session, job)


def resume(session: Session, job: Job) -> None:
    """Let a held job go on. Raises NotNow if nobody holds it."""
    if job.state in (State.RUNNING, State.PAUSED) and job.cancelled_by:
        raise NotNow(f"Job {job.id} is being cancelled.", "")
    if not job.paused_by_person:
        if job.state == State.PAUSED:
            raise NotNow(f"Job {job.id} gave way for a moment: {job.why}.", "It goes on by itself.")
        raise NotNow(f"Job {job.id} {STANDING[State(job.state)]}; only paused jobs can go on.", "")
    job.paused_by_person = False
    if job.state == State.PAUSED and running_attempt(session, job) is None:
        job.state, job.queued_since, job.paused_since, job.why, job.gpu = State.QUEUED, now(), None, "", None
        if job.attempts == 0:
            job.started = None
    elif job.state == State.PAUSED:
        job.paused_since, job.why = now(), "waiting for the GPU again"
    changed(session, job)


def retry(session: Session, job: Job) -> Job:
    """Put a failed or cancelled job back into the queue, at its old place. Raises NotNow for others, NotFound if its
    voice was deleted."""
    if transition_of(job) is Transition.CANCELLING:
        raise NotNow(f"Job {job.id} is still being cancelled.", f"`myna retry {job.id}` once it has ended.")
    if job.state not in (State.FAILED, State.CANCELLED):
        raise NotNow(
            f"Job {job.id} {STANDING[State(job.state)]}; only failed and cancelled jobs can be tried again.", ""
        )
    voices.check_new(session, job.voice)
    spoken_texts.check_kept(job)
    job.crashes = 0
    put_back(session, job, "")
    return job


# ------------------------------------------------------------------------------------------- what the scheduler reports


def start_attempt(session: Session, job: Job, pid: int | None = None, gpu: pb.GpuUse | None = None) -> Attempt:
    """A worker takes the job, on that GPU."""
    if job.state != State.QUEUED:
        raise NotNow(f"Job {job.id} {STANDING[State(job.state)]}: it does not wait.", "")
    job.attempts += 1
    attempt = Attempt(job=job.id, number=job.attempts, pid=pid, started=now(), outcome="")
    session.add(attempt)
    job.state, job.why, job.waits_for = State.RUNNING, "", WaitsFor.NOTHING
    job.gpu = gpu.SerializeToString() if gpu is not None else None
    job.started = job.started or now()
    job.ended = None
    job.error_kind = job.error_hint = job.log_tail = job.cancelled_by = ""
    session.flush()
    accounts.begin(session, job, attempt)
    changed(session, job)
    return attempt


def running_attempt(session: Session, job: Job) -> Attempt | None:
    """The attempt that has not ended, if any."""
    return session.scalars(
        select(Attempt).where(Attempt.job == job.id, Attempt.ended.is_(None)).order_by(Attempt.id.desc())
    ).first()


def end_attempt(session: Session, job: Job, outcome: Outcome) -> None:
    """Close the running attempt."""
    for attempt in session.scalars(select(Attempt).where(Attempt.job == job.id, Attempt.ended.is_(None))):
        attempt.ended, attempt.outcome = now(), outcome
    accounts.close(session, job)


def progressed(session: Session, job: Job) -> None:
    """The attempt got something done that lasts (a checkpoint, a committed report): earlier crashes no longer count."""
    job.crashes = 0


def preempt(session: Session, job: Job, why: str) -> None:
    """A running job has given way (to a person who holds it, or because of `why`), or one that has waits for somebody
    else now."""
    accounts.give_way(session, job)
    if job.state == State.RUNNING and job.paused_by_person:
        _hold(job)
        changed(session, job)
    elif job.state == State.RUNNING:
        job.state, job.paused_since, job.why = State.PAUSED, now(), why
        changed(session, job)
    elif job.state == State.PAUSED and not job.paused_by_person and job.why != why:
        job.why = why
        changed(session, job)


def hold(session: Session, job: Job) -> bool:
    """A job without a worker stays paused if a person holds it. False: nobody does."""
    if job.paused_by_person:
        _hold(job)
        job.gpu = None
        changed(session, job)
    return job.paused_by_person


def unpreempt(session: Session, job: Job) -> None:
    """A job that gave way (or was resumed) runs again."""
    if job.state == State.PAUSED and not job.paused_by_person:
        job.state, job.paused_since, job.why = State.RUNNING, None, ""
        accounts.go_on(session, job)
        changed(session, job)


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


def check_alive(job: Job) -> None:
    """Raises NotNow if the job has ended."""
    if job.state in ENDED:
        raise NotNow(
            f"Job {job.id} has {job.state} already."
            if job.state != State.CANCELLED
            else f"Job {job.id} is cancelled already.",
            "",
        )


def _hold(job: Job) -> None:
    job.paused_since = now() if job.state != State.PAUSED or job.paused_since is None else job.paused_since
    job.state, job.why = State.PAUSED, BY_PERSON


def end(job: Job, state: State, sentence: str) -> None:
    """Set what every ended job has."""
    job.state, job.ended, job.why = state, now(), sentence
    job.started = job.started or (job.ended if state == State.SUCCEEDED else None)
    job.paused_since, job.paused_by_person = None, False


def put_back(session: Session, job: Job, why: str) -> None:
    """Queue the job again, at its old place."""
    job.state, job.queued_since, job.why, job.behind, job.waits_for = State.QUEUED, now(), brief(why), False, ""
    job.started = job.ended = job.paused_since = job.cleared = job.gpu = None
    job.paused_by_person = False
    job.error_kind = job.error_hint = job.log_tail = job.cancelled_by = ""
    changed(session, job)


def changed(session: Session, job: Job) -> None:
    """Tell watchers of the job as it is now."""
    session.flush()
    events.emit(session, pb.Event(job=message(job, with_spec=False)), job.voice)


def _set(time: datetime | None) -> datetime:
    if time is None:
        raise ValueError("a job's row lacks a time that its state demands")
    return time
