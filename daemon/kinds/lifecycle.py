"""The life of a job where its kind has a say: submitting it, ending it, and what follows from it.

`daemon.state.jobs` holds the transitions that are the same for every kind and knows no kinds; this module stands above
both. Each method runs in a transaction of the caller and emits one event for each job that it changes.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from daemon.database.models import LIVE, Job, Voice, now
from daemon.database.store import caller_of
from daemon.errors import BadRequest, MynaError, brief
from daemon.kinds.kind import FollowUp, Kind
from daemon.kinds.registry import Kinds
from daemon.state import accounts, charges, jobs, occasions, quota_words, spoken_texts
from daemon.state.quotas import Resource
from daemon.state.status import ENDED, Error, Outcome, State
from proto import myna_pb2 as pb
from proto.messages import PERSON

#: attempts in a row that may die without a word before the job is given up
CRASH_LIMIT = 3
#: what may be added to the priority of a kind, or taken from it
PRIORITIES = 1_000_000
#: characters of an idempotency key
KEY_LENGTH = 1_000


class Lifecycle:
    """Changes jobs as their kinds want it."""

    def __init__(self, kinds: Kinds) -> None:
        self.kinds = kinds

    def submit(
        self,
        session: Session,
        spec: pb.JobSpec,
        *,
        key: str = "",
        priority: int = 0,
        parent_job: int | None = None,
        by_itself: bool = False,
    ) -> Job:
        """Put a job into the queue; with the key of an earlier submit, return that job instead. `by_itself`: nobody
        asked for it, mynad does what is due for the voice. Raises what the kind's check raises."""
        if len(key) > KEY_LENGTH:
            raise BadRequest(
                f"The idempotency key has {len(key)} characters.",
                f"Use one of at most {KEY_LENGTH}: a UUID, for example.",
            )
        if key:
            earlier = session.scalars(select(Job).where(Job.idempotency_key == key)).first()
            if earlier is not None:
                return earlier
        kind = self._kind(spec, priority)
        voice, title = kind.check(session, spec)
        person = self._person(session, parent_job, voice if by_itself else "")
        if parent_job is None and not by_itself:  # what follows by itself waits, and is not refused
            _check_quotas(session, person, kind)
        time = now()
        id = jobs.next_id(session)  # known before the row is: one statement less, on the way of every submit
        job = Job(
            id=id,
            kind=str(spec.WhichOneof("spec")),
            voice=voice,
            title=brief(title),
            spec=spec.SerializeToString(),
            has_text=spoken_texts.in_spec(spec),
            gpu_lane=kind.takes_gpu(spec),
            priority=kind.priority + priority,
            place=float(id),
            idempotency_key=key or None,
            parent_job=parent_job,
            person=person,
            behind=False,
            state=State.QUEUED,
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
        jobs.changed(session, job)
        return job

    def _kind(self, spec: pb.JobSpec, priority: int) -> Kind:
        """What is asked for. Raises BadRequest."""
        which = spec.WhichOneof("spec")
        if which is None:
            raise BadRequest("The job is empty.", f"Set one of {', '.join(self.kinds)}.")
        if abs(priority) > PRIORITIES:
            raise BadRequest(
                f"The priority {priority} is out of range.", f"Use one from {-PRIORITIES} to {PRIORITIES}."
            )
        return self.kinds[which]

    def _person(self, session: Session, parent_job: int | None, due_for: str) -> str:
        """Whose job it is: of whoever asks, or asked for the job that it follows from; what is due for a voice by
        itself is of whoever's the voice is."""
        if due_for:
            row = session.get(Voice, due_for)
            return (row.owner or "") if row is not None else ""
        parent = session.get(Job, parent_job) if parent_job is not None else None
        return parent.person if parent is not None else caller_of(session).name

    def follow(self, session: Session, following: Sequence[FollowUp], parent_job: int | None = None) -> None:
        """Submit what follows from a job that ended, or from what a person asked for."""
        for one in following:
            try:
                submitted = self.submit(session, one.spec, key=one.key, parent_job=parent_job)
            except MynaError as error:
                one.refused(error)
            else:
                one.submitted(submitted)

    def retry(self, session: Session, job: Job) -> Job:
        """As `jobs.retry`, within the limits of whoever the job is of. Raises QuotaReached, too."""
        if not caller_of(session).everything:
            _check_quotas(session, job.person, self.kinds[job.kind])
        return jobs.retry(session, job)

    def cancel(self, session: Session, job: Job, by: str = PERSON) -> None:
        """End a waiting job now; one with a worker at it is cancelling until that has ended. Raises NotNow if it
        ended."""
        jobs.check_alive(job)
        if job.state == State.QUEUED or (job.state == State.PAUSED and not jobs.running_attempt(session, job)):
            self._cancelled(session, job, by)
        elif not job.cancelled_by:
            job.cancelled_by = by
            jobs.changed(session, job)

    def succeed(self, session: Session, job: Job, sentence: str) -> None:
        """The worker is done; what follows is submitted in the same transaction."""
        if job.state in ENDED:
            return
        jobs.end_attempt(session, job, Outcome.SUCCEEDED)
        jobs.end(job, State.SUCCEEDED, sentence)
        self.follow(session, self.kinds[job.kind].finished(session, job), job.id)
        jobs.changed(session, job)

    def fail(self, session: Session, job: Job, error: Error, outcome: Outcome = Outcome.FAILED) -> None:
        """The job failed."""
        if job.state in ENDED:
            return
        jobs.end_attempt(session, job, outcome)
        jobs.end(job, State.FAILED, error.sentence)
        job.error_kind, job.error_hint, job.log_tail = error.kind, error.hint, error.log_tail
        self.follow(session, self.kinds[job.kind].ended_badly(session, job), job.id)
        jobs.changed(session, job)
        occasions.failed(session, jobs.message(job, with_spec=False))

    def cancelled(self, session: Session, job: Job) -> None:
        """The worker of a job that was to be cancelled has ended."""
        if job.state not in ENDED:
            jobs.end_attempt(session, job, Outcome.CANCELLED)
            self._cancelled(session, job, job.cancelled_by or PERSON)

    def crashed(
        self,
        session: Session,
        job: Job,
        sentence: str,
        hint: str,
        log_tail: str,
        *,
        counts: bool = True,
        blamed: bool = False,
    ) -> None:
        """The worker died without a word. A job that can go on waits at its old place; after CRASH_LIMIT in a row it
        fails. With `counts` False the job was not what killed it; with `blamed` too, a single file was, and the job
        goes on without that file."""
        if job.state in ENDED:
            return
        if job.cancelled_by:
            self.cancelled(session, job)
            return
        job.crashes += counts
        if self.kinds[job.kind].resumable and job.crashes < CRASH_LIMIT:
            self.requeue(
                session,
                job,
                f"goes on after a crash: {sentence}",
                outcome=Outcome.CRASHED if counts or blamed else Outcome.LOST,
            )
            job.log_tail = log_tail
            return
        times = f" {job.crashes} times in a row" if job.crashes > 1 else ""
        self.fail(
            session,
            job,
            Error("crashed", f"The worker died{times}: {sentence}", hint, log_tail),
            outcome=Outcome.CRASHED,
        )

    def stopped(self, session: Session, job: Job, goes_on: str = "") -> None:
        """The worker ended because mynad ends, or (`goes_on` says until when) it may not go on now. A job that can go
        on goes back to the queue, another one is cancelled."""
        if not job.cancelled_by and self.kinds[job.kind].resumable:
            self.requeue(session, job, goes_on or "goes on when mynad runs again")
        else:
            job.cancelled_by = job.cancelled_by or "shutdown"
            self.cancelled(session, job)

    def requeue(self, session: Session, job: Job, why: str, outcome: Outcome = Outcome.STOPPED) -> None:
        """A running or paused job goes back to the queue at its old place, to go on later. A person's pause stays a
        pause."""
        if job.state in ENDED:
            return
        if job.cancelled_by:  # somebody wanted it ended meanwhile
            self.cancelled(session, job)
            return
        jobs.end_attempt(session, job, outcome)
        if not jobs.hold(session, job):
            jobs.put_back(session, job, why)

    def recover(self, session: Session) -> list[int]:
        """At start-up: whatever the last daemon left running goes back to the queue, or fails if it cannot go on.
        Returns the ids."""
        accounts.forget_meters(session)
        charges.forget(session)
        touched = []
        for job in session.scalars(select(Job).where(text(LIVE), Job.state.in_((State.RUNNING, State.PAUSED)))).all():
            if job.paused_by_person and jobs.running_attempt(session, job) is None:
                continue  # a person holds it, and nobody was at it
            if job.cancelled_by:
                self.cancelled(session, job)
            elif self.kinds[job.kind].resumable:
                self.requeue(session, job, "goes on after the daemon was restarted", outcome=Outcome.LOST)
            else:
                self.fail(
                    session,
                    job,
                    Error("crashed", "The daemon stopped while this ran.", "Ask for it again.", ""),
                    outcome=Outcome.LOST,
                )
            touched.append(job.id)
        return touched

    def _cancelled(self, session: Session, job: Job, by: str) -> None:
        jobs.end(job, State.CANCELLED, "")
        job.cancelled_by = by
        self.follow(session, self.kinds[job.kind].ended_badly(session, job), job.id)
        jobs.changed(session, job)


def _check_quotas(session: Session, person: str, kind: Kind) -> None:
    """Raises QuotaReached for a job that its person may not ask for now."""
    if not person:
        return
    quota_words.require(session, person, Resource.WAITING)
    if kind.preempts:
        quota_words.require(session, person, Resource.SPEECH)
    if kind.grows:
        quota_words.require(session, person, Resource.DISK)
