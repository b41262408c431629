"""Who may work when: the GPU lane (one job at a time), the CPU lane beside it, giving way to speech, and why each
waiting job waits.

The scheduler keeps no queue of its own. After each commit it makes a pass: it reads the database (`_snapshot`),
compares it with the attempts that run, and acts. It tells workers what their rows say (cancelled, paused, resumed),
starts what may start, and writes why the others wait. So an extra wake-up does no harm, and a late one costs only time.

A job that no longer needs the GPU says so (an evaluation that has spoken its lines and now listens on the CPU). It
leaves the lane to the next job and goes on beside it; only one job at a time may, so that slow listeners do not pile
up. Where the CPU stands in for a GPU no job says so.

Order: priority first (speak > evaluate > dataset > train), then place. Only speaking makes a running job give way; an
evaluation does not interrupt a training.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from daemon.database.models import LIVE, Job
from daemon.database.store import Store
from daemon.errors import MynaError, StoreTrouble
from daemon.kinds.registry import Kinds
from daemon.machine.gpu import Gpus
from daemon.scheduling.attempt import Attempt
from daemon.scheduling.share import Doing, Share
from daemon.scheduling.speech import Speech
from daemon.settings import Settings
from daemon.state import jobs
from daemon.state.status import State
from proto import myna_pb2 as pb

log = logging.getLogger("mynad.scheduler")

WINDOW = 32  #: waiting jobs of a lane that a pass reads; more only where none of them can start
SEARCH_LIMIT = 512  #: waiting jobs that a pass reads in search of one that can start; the next pass goes on from there
#: seconds between two passes, at least and at most: many submits at once make one pass
SHORTEST_PAUSE, LONGEST_PAUSE = 0.02, 0.2
#: waiting jobs of a lane whose reason names the job ahead; those behind them get one sentence that does not change with
#: every job
NAMED_JOBS = 8
WHYS_EVERY = 0.3  #: seconds, at least, between two writes of the reasons why jobs wait
RECHECK = 5.0  #: seconds after which jobs that wait for something outside (disk, audio) are checked again
BEHIND = "other jobs are ahead of it"
YIELD_TIMEOUT = 20.0  #: seconds a job gets to give way; then speech starts beside it


@dataclass(frozen=True)
class Waiting:
    """A queued job."""

    job: Job
    why_not: str  #: why it cannot start whatever the lane does; empty: it can
    need: int = 0  #: bytes of GPU memory it will want, as its engine says


@dataclass(frozen=True)
class Snapshot:
    """What the database holds of jobs that have not ended, as one pass reads it."""

    live: dict[int, Job]  #: running and paused
    gpu: list[Waiting]
    cpu: list[Waiting]


#: makes the attempt of a job; its second argument wakes the scheduler
MakeAttempt = Callable[[Job, Callable[[], None]], Attempt]


class Scheduler:
    """Runs in mynad's event loop; `run` is its life."""

    def __init__(
        self, store: Store, kinds: Kinds, gpus: Gpus, speech: Speech, attempt: MakeAttempt, settings: Settings
    ) -> None:
        self._store = store
        self._kinds = kinds
        self._gpus = gpus
        self._speech = speech
        self._attempt = attempt
        self._cpu_jobs = settings.cpu_jobs  #: at once in the CPU lane
        self.attempts: dict[int, Attempt] = {}  #: by job
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._ending = False
        self._pass_seconds = 0.0  #: seconds
        #: by lane (True: the GPU's): jobs before this place in the queue cannot start
        self._reached = {True: 0, False: 0}
        self._share = Share(settings.train_share, time.monotonic())
        self._whys_stored = float("-inf")  #: when waiting jobs were last told why, monotonic
        loop = asyncio.get_running_loop()
        store.on_commit(lambda happened: happened and loop.call_soon_threadsafe(self.wake))

    # -------------------------------------------------------------------------------------------------- for services

    def wake(self) -> None:
        """Have another pass soon."""
        self._wake.set()

    def with_progress(self, message: pb.Job) -> pb.Job:
        """Fill in how far a running job is."""
        attempt = self.attempts.get(message.id)
        return attempt.with_progress(message) if attempt is not None else message

    @property
    def gpu_holder(self) -> str:
        """Who has the GPU lane: "train #12", or empty."""
        holder = self._holder()
        return holder.label if holder is not None else ""

    def owner(self, pid: int) -> str:
        """Which job a process works for: "train #12", "speech", or empty. May be asked from any thread."""
        for attempt in list(self.attempts.values()):
            if attempt.worker is not None and attempt.worker.pid == pid:
                return attempt.label
        return "speech" if pid == self._speech.pid else ""

    # -------------------------------------------------------------------------------------------------- its life

    async def run(self) -> None:
        """Make passes until cancelled."""
        pace = SHORTEST_PAUSE
        while True:
            await asyncio.sleep(pace)
            self._wake.clear()
            blocked = False
            try:
                blocked = await self._pass()
            except StoreTrouble:  # the store's log says what it is
                blocked = True
            except Exception:
                log.exception("A pass over the queue failed; the next one follows.")
                blocked = True
            # the longer a pass takes, the longer the pause after it: at most a fifth of a core, and at most 0.2 s
            pace = min(max(SHORTEST_PAUSE, 4 * self._pass_seconds), LONGEST_PAUSE)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), RECHECK if blocked else None)

    async def close(self, grace: float) -> None:
        """Have every worker save and end within `grace` seconds; their jobs go back to the queue."""
        self._ending = True
        for attempt in self.attempts.values():
            attempt.stop(grace)
        if self._tasks:
            _, late = await asyncio.wait(self._tasks.values(), timeout=grace + 15)
            for task in late:  # their rows are put right at the next start
                log.error("%s did not end in time; it is left as it is.", task.get_name())
                task.cancel()

    def hurry(self) -> None:
        """End the workers without waiting for them to save."""
        self._ending = True
        for attempt in self.attempts.values():
            attempt.stop(0.0)
            attempt.hurry()

    async def _pass(self) -> bool:
        """Read the database and act on it. True: something waits for a change that no commit will announce."""
        began = time.monotonic()
        snapshot = await self._store.read(self._snapshot)
        self._pass_seconds = time.monotonic() - began
        whys: dict[int, str] = {}
        for job, attempt in list(self.attempts.items()):
            row = snapshot.live.get(job)
            if row is None:
                continue
            attempt.see(row)
            if row.cancelled_by:
                attempt.cancel()
            elif row.paused_by_person:
                attempt.give_way(jobs.BY_PERSON, offload=True)
        if not self._ending:
            await self._gpu_lane(snapshot, whys)
            await self._cpu_lane(snapshot, whys)
        await self._store_whys(snapshot, whys)
        return any(waiting.why_not for waiting in (*snapshot.gpu, *snapshot.cpu))

    async def _store_whys(self, snapshot: Snapshot, whys: dict[int, str]) -> None:
        """Write the sentences that changed, at most every WHYS_EVERY seconds: each is an event to everybody who
        watches."""
        waiting = (*snapshot.gpu, *snapshot.cpu)
        changed = {w.job.id: why for w in waiting if (why := whys.get(w.job.id, w.job.why)) != w.job.why}
        if not changed:
            return
        wait = self._whys_stored + WHYS_EVERY - time.monotonic()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self.wake)
            return
        await self._store.write(_set_whys, changed)
        self._whys_stored = time.monotonic()

    def _snapshot(self, session: Session) -> Snapshot:
        alive = text(LIVE)  # word for word as in the index, or the index is not used
        live = {
            job.id: job
            for job in session.scalars(select(Job).where(alive, Job.state.in_((State.RUNNING, State.PAUSED))))
        }

        return Snapshot(live, self._lane(session, gpu=True), self._lane(session, gpu=False))

    def _lane(self, session: Session, *, gpu: bool) -> list[Waiting]:
        """The first waiting jobs of a lane. Where none of them can start, those behind them too, up to one that can:
        what waits for a licence or a disk holds up nobody else."""
        query = (
            select(Job)
            .where(text(LIVE), Job.state == State.QUEUED, Job.gpu_lane == gpu)
            .order_by(Job.priority.desc(), Job.place)
        )
        found: list[Waiting] = []
        offset = 0
        while True:
            rows = list(session.scalars(query.offset(offset).limit(WINDOW)))
            for job in rows:
                if job.id not in self.attempts:
                    need = self._kinds[job.kind].gpu_memory(session, job) if gpu else 0
                    found.append(Waiting(job, self._why_not(session, job) or self._conflict(job), need))
            startable = any(not waiting.why_not for waiting in found)
            if startable or len(rows) < WINDOW or len(found) >= SEARCH_LIMIT:
                break
            offset = max(offset + WINDOW, self._reached[gpu])
        self._reached[gpu] = offset + WINDOW if not startable and len(rows) == WINDOW else 0
        return found

    def _why_not(self, session: Session, job: Job) -> str:
        try:
            return self._kinds[job.kind].why_not(session, job)
        except MynaError:
            return ""  # let it start: its plan will fail with the same sentence, and the job with it
        except DatabaseError:
            raise
        except Exception:  # a mistake in one kind must not keep the others from working
            log.exception("Myna cannot tell whether %s #%d can start.", job.kind, job.id)
            return "Myna made a mistake here: log/mynad.log has the details"

    # -------------------------------------------------------------------------------------------------- lanes

    def _in_gpu_lane(self) -> list[Attempt]:
        """The attempts that hold the GPU lane or gave way in it: all but the first of those that no longer need it."""
        beside = next((a for a in self.attempts.values() if a.lane_free), None)
        return [a for a in self.attempts.values() if a.gpu_lane and a is not beside]

    def _holder(self) -> Attempt | None:
        """The attempt that holds the GPU lane; speech, where another is still finishing a step beside it."""
        busy = [a for a in self._in_gpu_lane() if not a.yielded]
        return next((a for a in busy if a.kind.preempts), busy[0] if busy else None)

    async def _gpu_lane(self, snapshot: Snapshot, whys: dict[int, str]) -> None:
        for waiting in snapshot.gpu:
            whys[waiting.job.id] = waiting.why_not
        ready = [waiting.job for waiting in snapshot.gpu if not whys[waiting.job.id]]
        needs = {waiting.job.id: waiting.need for waiting in snapshot.gpu}
        urgent = next((job for job in ready if self._kinds[job.kind].preempts), None)
        holder = self._holder()
        aside = [a for a in self._in_gpu_lane() if a.yielded and a.job in snapshot.live]
        back = next((a for a in aside if not snapshot.live[a.job].paused_by_person), None)
        self._share.count(time.monotonic())
        if holder is not None and urgent is not None and self._share.in_turn:
            asyncio.get_running_loop().call_later(self._share.owed, self.wake)
        elif holder is not None and urgent is not None and not holder.kind.preempts:
            if holder.give_way(f"{urgent.kind} #{urgent.id}", offload=self._short(needs[urgent.id])):
                asyncio.get_running_loop().call_later(YIELD_TIMEOUT + SHORTEST_PAUSE, self.wake)
            late = holder.asked_at is not None and time.monotonic() - holder.asked_at > YIELD_TIMEOUT
            if late:
                log.warning(
                    "%s did not give way within %g s; %s starts beside it.",
                    holder.label,
                    YIELD_TIMEOUT,
                    f"{urgent.kind} #{urgent.id}",
                )
            # a training steps aside within a step; what others are at (a line being spoken or heard) can take longer,
            # and without a GPU there is no memory to wait for
            if late or (not holder.kind.yields_in_steps and not self._gpus.present):
                self._start(urgent)
        elif holder is None:
            # who gave way goes on before anybody but speech starts
            if back is not None and (urgent is None or self._share.take_turn()):
                await back.go_on()
            elif first := urgent or next(iter(ready), None):
                if first is not urgent and self._short(needs[first.id]):
                    self._speech.make_room()
                self._start(first)
                if first is urgent:
                    for attempt in aside:
                        await attempt.wait_for(f"{first.kind} #{first.id}")
        self._share.note(self._doing(snapshot))
        holder = self._holder()
        if holder is not None:
            lane = "GPU" if self._gpus.present else "CPU, in place of a GPU,"
            behind = [job for job in ready if job.id not in self.attempts]
            for index, job in enumerate(behind):
                whys[job.id] = f"{lane} held by {holder.label} ({holder.voice})" if index < NAMED_JOBS else BEHIND

    def _doing(self, snapshot: Snapshot) -> Doing:
        """What the training of the GPU lane does, as far as its share of the GPU goes."""
        live = snapshot.live
        trainings = [a for a in self.attempts.values() if a.gpu_lane and a.kind.yields_in_steps and a.job in live]
        if any(not a.yielded for a in trainings):
            return Doing.WORKING
        return Doing.WAITING if any(not live[a.job].paused_by_person for a in trainings) else Doing.NOTHING

    async def _cpu_lane(self, snapshot: Snapshot, whys: dict[int, str]) -> None:
        for index, waiting in enumerate(snapshot.cpu):
            job = waiting.job
            busy = [a for a in self.attempts.values() if not a.gpu_lane and not a.yielded]
            whys[job.id] = waiting.why_not or self._conflict(job)
            if whys[job.id]:
                continue
            if len(busy) >= self._cpu_jobs:
                whys[job.id] = (
                    f"CPU lane busy with {', '.join(a.label for a in busy)}" if index < NAMED_JOBS else BEHIND
                )
            else:
                self._start(job)
        in_gpu_lane = self._in_gpu_lane()
        for attempt in [
            a for a in self.attempts.values() if a.yielded and a not in in_gpu_lane
        ]:  # resumed: they have their place already
            row = snapshot.live.get(attempt.job)
            if row is not None and not row.paused_by_person:
                await attempt.go_on()

    def _short(self, need: int) -> bool:
        """The GPU has less free memory than is needed."""
        free = self._gpus.free() if self._gpus.present else None
        return free is not None and free < need

    def _conflict(self, job: Job) -> str:
        """A voice's recordings are handled by one job at a time: two ingests could take the same bytes twice, and a
        dataset made beside an ingest would miss what it brings."""
        exclusive = self._kinds[job.kind].exclusive
        if not exclusive:
            return ""
        other = next(
            (a for a in list(self.attempts.values()) if a.voice == job.voice and a.kind.exclusive == exclusive), None
        )
        return f"{other.label} is at work on {job.voice}'s {exclusive}" if other is not None else ""

    def _start(self, job: Job) -> None:
        attempt = self.attempts[job.id] = self._attempt(job, self.wake)
        task = self._tasks[job.id] = asyncio.create_task(attempt.run(), name=attempt.label)
        task.add_done_callback(lambda done: self._over(job.id, done))

    def _over(self, job: int, task: asyncio.Task[None]) -> None:
        attempt = self.attempts.pop(job)
        self._tasks.pop(job)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s: the attempt itself failed", attempt.label, exc_info=error)
        self.wake()


def _set_whys(session: Session, whys: dict[int, str]) -> None:
    for job, why in whys.items():
        with contextlib.suppress(MynaError):
            jobs.set_why(session, jobs.get(session, job), why)
