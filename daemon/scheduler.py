"""Who may work when: the GPU lane (one job at a time), the CPU lane beside it, giving way to speech, and why each waiting job waits.

The scheduler keeps no queue of its own. Whenever something was committed it looks at the database (`_look`), compares it with the attempts
it has running, and acts: tells workers what their rows say (cancelled, paused, resumed), starts what may start, and writes the sentences.
So a wake-up too many does no harm, and one that comes late changes nothing but the time.

Order: priority first (speak > evaluate > dataset > train), then place. Only speaking makes a running job give way; an evaluation does not
interrupt a training.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from daemon.attempt import Attempt
from daemon.errors import MynaError
from daemon.kinds import kind
from daemon.models import LIVE, Job, Voice
from daemon.state import jobs
from engines import registry
from proto import myna_pb2 as pb

if TYPE_CHECKING:
    from daemon.main import Daemon

log = logging.getLogger("mynad.scheduler")

WINDOW = 32  #: waiting jobs of a lane that are looked at; those behind them wait for these anyway
BREATH, SOON = 0.02, 0.2  #: seconds between two looks, at least and at most: a crowd of submits is one look
NAMED = 8  #: jobs of a lane that are told by name who is ahead; those behind them get one sentence that does not change with every job
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


class Scheduler:
    """Runs in mynad's event loop; `run` is its life."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.attempts: dict[int, Attempt] = {}  #: by job
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._ending = False
        self._look_took = 0.0  #: seconds
        self._told = float("-inf")  #: when waiting jobs were last told why, monotonic
        loop = asyncio.get_running_loop()
        daemon.store.on_commit(lambda happened: happened and loop.call_soon_threadsafe(self.wake))

    # -------------------------------------------------------------------------------------------------- for services

    def wake(self) -> None:
        """Look again soon."""
        self._wake.set()

    async def cancel(self, job: int) -> None:
        """The job's row says that it is to be cancelled."""
        self.wake()

    async def pause(self, job: int) -> None:
        """The job's row says that it is to be held."""
        self.wake()

    async def resume(self, job: int) -> None:
        """The job's row says that it may go on."""
        self.wake()

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
        """Which job a process works for: "train #12", "speech", or empty."""
        for attempt in self.attempts.values():
            if attempt.worker is not None and attempt.worker.pid == pid:
                return attempt.label
        return "speech" if pid == self.daemon.speech.pid else ""

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
        look = await self.daemon.store.read(self._look)
        self._look_took = time.monotonic() - began
        whys: dict[int, str] = {}
        for job, attempt in list(self.attempts.items()):
            row = look.live.get(job)
            if row is not None and row.cancelled_by:
                attempt.cancel()
            elif row is not None and row.paused_by_person:
                attempt.give_way("paused by a person", offload=True)
        if not self._ending:
            await self._gpu_lane(look, whys)
            await self._cpu_lane(look, whys)
        await self._tell_why(look, whys)
        return any(waiting.why_not for waiting in (*look.gpu, *look.cpu))

    async def _tell_why(self, look: Look, whys: dict[int, str]) -> None:
        """Write the sentences that changed. Not with every short job that comes and goes: each is an event to everybody who watches."""
        changed = {w.job.id: why for w in (*look.gpu, *look.cpu) if (why := whys.get(w.job.id, w.job.why)) != w.job.why}
        if not changed:
            return
        wait = self._told + TELL - time.monotonic()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self.wake)
            return
        await self.daemon.store.write(_tell, changed)
        self._told = time.monotonic()

    def _look(self, session: Session) -> Look:
        alive = text(LIVE)  # word for word as in the index, or the index is not used
        live = {job.id: job for job in session.scalars(select(Job).where(alive, Job.state.in_(("running", "paused"))))}

        def lane(gpu: bool) -> list[Waiting]:
            query = select(Job).where(alive, Job.state == "queued", Job.gpu_lane == gpu).order_by(Job.priority.desc(), Job.place)
            rows = [job for job in session.scalars(query.limit(WINDOW)) if job.id not in self.attempts]
            return [Waiting(job, self._why_not(session, job), _need(session, job) if gpu else 0) for job in rows]

        return Look(live, lane(True), lane(False))

    def _why_not(self, session: Session, job: Job) -> str:
        try:
            return kind(job.kind).why_not(session, job, self.daemon.home)
        except MynaError:
            return ""  # let it start: its plan will fail with the same sentence, and the job with it
        except Exception:  # a mistake in one kind must not keep the others from working
            log.exception("%s #%d: cannot tell whether it can start", job.kind, job.id)
            return "Myna made a mistake here: log/mynad.log has the details"

    # -------------------------------------------------------------------------------------------------- lanes

    def _holder(self) -> Attempt | None:
        """Who has the GPU lane; speech, when somebody is still finishing a step beside it."""
        busy = [a for a in self.attempts.values() if a.gpu_lane and not a.yielded]
        return next((a for a in busy if a.kind == "speak"), busy[0] if busy else None)

    async def _gpu_lane(self, look: Look, whys: dict[int, str]) -> None:
        for waiting in look.gpu:
            whys[waiting.job.id] = waiting.why_not or self._conflict(waiting.job)
        ready = [waiting.job for waiting in look.gpu if not whys[waiting.job.id]]
        needs = {waiting.job.id: waiting.need for waiting in look.gpu}
        speak = next((job for job in ready if job.kind == "speak"), None)
        holder = self._holder()
        if holder is not None and speak is not None and holder.kind != "speak":
            if holder.give_way(f"speaking #{speak.id}", offload=self._short(needs[speak.id])):
                asyncio.get_running_loop().call_later(YIELD_WITHIN + BREATH, self.wake)
            late = holder.asked_at is not None and time.monotonic() - holder.asked_at > YIELD_WITHIN
            if late:
                log.warning("%s did not give way within %g s; %s starts beside it", holder.label, YIELD_WITHIN, f"speak #{speak.id}")
            # a training steps aside within a step; what others are at (a line being spoken or heard) can take longer, and without a GPU
            # there is no memory to wait for
            if late or (holder.kind != "train" and not self.daemon.gpu.present):
                self._start(speak)
        elif holder is None:
            # who gave way goes on before anybody but speech starts
            aside = [a for a in self.attempts.values() if a.gpu_lane and a.yielded and a.job in look.live]
            back = next((a for a in aside if not look.live[a.job].paused_by_person), None)
            if speak is None and back is not None:
                await back.go_on()
            elif first := speak or next(iter(ready), None):
                if first.kind != "speak" and self._short(needs[first.id]):
                    self.daemon.speech.make_room()
                self._start(first)
                if first.kind == "speak":
                    for attempt in aside:
                        await attempt.wait_for(f"speaking #{first.id}")
        holder = self._holder()
        if holder is not None:
            lane = "GPU" if self.daemon.gpu.present else "CPU, in place of a GPU,"
            behind = [job for job in ready if job.id not in self.attempts]
            for index, job in enumerate(behind):
                whys[job.id] = f"{lane} held by {holder.label} ({holder.voice})" if index < NAMED else BEHIND

    async def _cpu_lane(self, look: Look, whys: dict[int, str]) -> None:
        for index, waiting in enumerate(look.cpu):
            job = waiting.job
            busy = [a for a in self.attempts.values() if not a.gpu_lane and not a.yielded]
            whys[job.id] = waiting.why_not or self._conflict(job)
            if whys[job.id]:
                continue
            if len(busy) >= self.daemon.settings.cpu_jobs:
                whys[job.id] = f"CPU lane busy with {', '.join(a.label for a in busy)}" if index < NAMED else BEHIND
            else:
                self._start(job)
        for attempt in [a for a in self.attempts.values() if not a.gpu_lane and a.yielded]:  # resumed: they have their place already
            row = look.live.get(attempt.job)
            if row is not None and not row.paused_by_person:
                await attempt.go_on()

    def _short(self, need: int) -> bool:
        """The GPU has less free memory than is needed."""
        free = self.daemon.gpu.free() if self.daemon.gpu.present else None
        return free is not None and free < need

    def _conflict(self, job: Job) -> str:
        """A voice's recordings are handled by one job at a time: two ingests could take the same bytes twice, and a dataset made beside
        an ingest would miss what it brings."""
        if job.kind not in ("ingest", "dataset"):
            return ""
        other = next((a for a in self.attempts.values() if a.voice == job.voice and a.kind in ("ingest", "dataset")), None)
        return f"{other.label} is at work on {job.voice}'s recordings" if other is not None else ""

    def _start(self, job: Job) -> None:
        attempt = self.attempts[job.id] = Attempt(self.daemon, job)
        task = self._tasks[job.id] = asyncio.create_task(attempt.run(), name=attempt.label)
        task.add_done_callback(lambda done: self._over(job.id, done))

    def _over(self, job: int, task: asyncio.Task[None]) -> None:
        attempt = self.attempts.pop(job)
        self._tasks.pop(job)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s: the attempt itself failed", attempt.label, exc_info=error)
        self.wake()


def _need(session: Session, job: Job) -> int:
    voice = session.get(Voice, job.voice)
    info = registry.ENGINES.get(voice.engine) if voice is not None else None
    if info is None:
        return 0
    return info.learning.memory if job.kind == "train" and info.learning is not None else info.speak_memory


def _tell(session: Session, whys: dict[int, str]) -> None:
    for job, why in whys.items():
        with contextlib.suppress(MynaError):
            jobs.set_why(session, jobs.get(session, job), why)
