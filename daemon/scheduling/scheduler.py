"""Who may work when: the GPU lane (one job at a time), the CPU lane beside it, giving way to speech, and why each
waiting job waits.

The scheduler keeps no queue of its own. Whenever something was committed it looks at the database (`_look`), compares
it with the attempts it has running, and acts: tells workers what their rows say (cancelled, paused, resumed), starts
what may start, and writes the sentences. So a wake-up too many does no harm, and one that comes late changes nothing
but the time.

A job that says that it needs the GPU no more (an evaluation whose lines are spoken, and that listens on the CPU) leaves
the lane to the next, and goes on beside it: one at a time, so that slow listeners do not pile up. Where the CPU stands
in for a GPU no job says so.

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

WINDOW = 32  #: waiting jobs of a lane that are looked at, if one of them can start: those behind it wait for it anyway
REACH = 512  #: waiting jobs that are looked at in search of one that can start; the next look goes on from there
BREATH, SOON = 0.02, 0.2  #: seconds between two looks, at least and at most: a crowd of submits is one look
#: jobs of a lane that are told by name who is ahead; those behind them get one sentence that does not change with every
#: job
NAMED = 8
TELL = 0.3  #: seconds between two rounds of telling jobs why they wait, at least
AGAIN = 5.0  #: seconds after which jobs that wait for something outside (disk, audio) are looked at again
BEHIND = "other jobs are ahead of it"
YIELD_WITHIN = 20.0  #: seconds a job gets to give way; then speech starts beside it


@dataclass(frozen=True)
class Waiting:
    """A queued job."""

    job: Job
    why_not: str  #: why it cannot start whatever the lane does; empty: it can
    need: int = 0  #: bytes of GPU memory it will want, as its engine says


@dataclass(frozen=True)
class Look:
    """What the database says."""

    live: dict[int, Job]  #: running and paused
    gpu: list[Waiting]
    cpu: list[Waiting]


#: makes the attempt of a job; the second argument has the scheduler look again
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
        self._look_took = 0.0  #: seconds
        self._reached = {
            True: 0,
            False: 0,
        }  #: by lane (the GPU's or not): jobs before this place in the queue cannot start
        self._share = Share(settings.train_share, time.monotonic())
        self._told = float("-inf")  #: when waiting jobs were last told why, monotonic
        loop = asyncio.get_running_loop()
        store.on_commit(lambda happened: happened and loop.call_soon_threadsafe(self.wake))

    # -------------------------------------------------------------------------------------------------- for services

    def wake(self) -> None:
        """Look again soon."""
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
        """Look and act until cancelled."""
        pace = BREATH
        while True:
            await asyncio.sleep(pace)
            self._wake.clear()
            blocked = False
            try:
                blocked = await self._pass()
            except StoreTrouble:  # the store's log says what it is
                blocked = True
            except Exception:
                log.exception("a look at the queue failed; looking again")
                blocked = True
            # the longer a look takes, the rarer it is: never more than a fifth of a core, but always soon
            pace = min(max(BREATH, 4 * self._look_took), SOON)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), AGAIN if blocked else None)

    async def close(self, grace: float) -> None:
        """Have every worker save and end within `grace` seconds; their jobs go back to the queue."""
        self._ending = True
        for attempt in self.attempts.values():
            attempt.stop(grace)
        if self._tasks:
            _, late = await asyncio.wait(self._tasks.values(), timeout=grace + 15)
            for task in late:  # their rows are put right at the next start
                log.error("%s did not end; left as it is", task.get_name())
                task.cancel()

    def hurry(self) -> None:
        """End the workers without waiting for them to save."""
        self._ending = True
        for attempt in self.attempts.values():
            attempt.stop(0.0)
            attempt.hurry()

    async def _pass(self) -> bool:
        """One look and what follows from it. True: something waits that no commit will tell of."""
        began = time.monotonic()
        look = await self._store.read(self._look)
        self._look_took = time.monotonic() - began
        whys: dict[int, str] = {}
        for job, attempt in list(self.attempts.items()):
            row = look.live.get(job)
            if row is None:
                continue
            attempt.see(row)
            if row.cancelled_by:
                attempt.cancel()
            elif row.paused_by_person:
                attempt.give_way(jobs.BY_PERSON, offload=True)
        if not self._ending:
            await self._gpu_lane(look, whys)
            await self._cpu_lane(look, whys)
        await self._tell_why(look, whys)
        return any(waiting.why_not for waiting in (*look.gpu, *look.cpu))

    async def _tell_why(self, look: Look, whys: dict[int, str]) -> None:
        """Write the sentences that changed. Not with every short job that comes and goes: each is an event to everybody
        who watches."""
        changed = {w.job.id: why for w in (*look.gpu, *look.cpu) if (why := whys.get(w.job.id, w.job.why)) != w.job.why}
        if not changed:
            return
        wait = self._told + TELL - time.monotonic()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self.wake)
            return
        await self._store.write(_tell, changed)
        self._told = time.monotonic()

    def _look(self, session: Session) -> Look:
        alive = text(LIVE)  # word for word as in the index, or the index is not used
        live = {
            job.id: job
            for job in session.scalars(select(Job).where(alive, Job.state.in_((State.RUNNING, State.PAUSED))))
        }

        return Look(live, self._lane(session, gpu=True), self._lane(session, gpu=False))

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
            if startable or len(rows) < WINDOW or len(found) >= REACH:
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
            log.exception("%s #%d: cannot tell whether it can start", job.kind, job.id)
            return "Myna made a mistake here: log/mynad.log has the details"

    # -------------------------------------------------------------------------------------------------- lanes

    def _in_gpu_lane(self) -> list[Attempt]:
        """Who has the GPU lane or gave way in it: all but the first of those who need the GPU no more."""
        beside = next((a for a in self.attempts.values() if a.lane_free), None)
        return [a for a in self.attempts.values() if a.gpu_lane and a is not beside]

    def _holder(self) -> Attempt | None:
        """Who has the GPU lane; speech, when somebody is still finishing a step beside it."""
        busy = [a for a in self._in_gpu_lane() if not a.yielded]
        return next((a for a in busy if a.kind.preempts), busy[0] if busy else None)

    async def _gpu_lane(self, look: Look, whys: dict[int, str]) -> None:
        for waiting in look.gpu:
            whys[waiting.job.id] = waiting.why_not
        ready = [waiting.job for waiting in look.gpu if not whys[waiting.job.id]]
        needs = {waiting.job.id: waiting.need for waiting in look.gpu}
        urgent = next((job for job in ready if self._kinds[job.kind].preempts), None)
        holder = self._holder()
        aside = [a for a in self._in_gpu_lane() if a.yielded and a.job in look.live]
        back = next((a for a in aside if not look.live[a.job].paused_by_person), None)
        self._share.count(time.monotonic())
        if holder is not None and urgent is not None and self._share.in_turn:
            asyncio.get_running_loop().call_later(self._share.owed, self.wake)
        elif holder is not None and urgent is not None and not holder.kind.preempts:
            if holder.give_way(f"{urgent.kind} #{urgent.id}", offload=self._short(needs[urgent.id])):
                asyncio.get_running_loop().call_later(YIELD_WITHIN + BREATH, self.wake)
            late = holder.asked_at is not None and time.monotonic() - holder.asked_at > YIELD_WITHIN
            if late:
                log.warning(
                    "%s did not give way within %g s; %s starts beside it",
                    holder.label,
                    YIELD_WITHIN,
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
        self._share.note(self._doing(look))
        holder = self._holder()
        if holder is not None:
            lane = "GPU" if self._gpus.present else "CPU, in place of a GPU,"
            behind = [job for job in ready if job.id not in self.attempts]
            for index, job in enumerate(behind):
                whys[job.id] = f"{lane} held by {holder.label} ({holder.voice})" if index < NAMED else BEHIND

    def _doing(self, look: Look) -> Doing:
        """What the training of the GPU lane does, as far as its share of the GPU goes."""
        trainings = [a for a in self.attempts.values() if a.gpu_lane and a.kind.yields_in_steps and a.job in look.live]
        if any(not a.yielded for a in trainings):
            return Doing.WORKING
        return Doing.WAITING if any(not look.live[a.job].paused_by_person for a in trainings) else Doing.NOTHING

    async def _cpu_lane(self, look: Look, whys: dict[int, str]) -> None:
        for index, waiting in enumerate(look.cpu):
            job = waiting.job
            busy = [a for a in self.attempts.values() if not a.gpu_lane and not a.yielded]
            whys[job.id] = waiting.why_not or self._conflict(job)
            if whys[job.id]:
                continue
            if len(busy) >= self._cpu_jobs:
                whys[job.id] = f"CPU lane busy with {', '.join(a.label for a in busy)}" if index < NAMED else BEHIND
            else:
                self._start(job)
        in_gpu_lane = self._in_gpu_lane()
        for attempt in [
            a for a in self.attempts.values() if a.yielded and a not in in_gpu_lane
        ]:  # resumed: they have their place already
            row = look.live.get(attempt.job)
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


def _tell(session: Session, whys: dict[int, str]) -> None:
    for job, why in whys.items():
        with contextlib.suppress(MynaError):
            jobs.set_why(session, jobs.get(session, job), why)
