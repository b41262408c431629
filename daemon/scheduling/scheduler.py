"""Who may work when: the lanes of the GPUs (one job at a time each), the CPU lane beside them, giving way to speech,
and why each waiting job waits.

The scheduler keeps no queue of its own. After each commit it makes a pass: it reads the database, compares it with the
attempts that run, and acts. It tells workers what their rows say (cancelled, paused, resumed), starts what may start,
and writes why the others wait. So an extra wake-up does no harm, and a late one costs only time.

What a pass reads of the queue is in `daemon.scheduling.queue_view`; what happens on the GPUs is decided by
`daemon.scheduling.lanes`, from what `daemon.scheduling.gpu_lanes` sees.

Order: priority first (speak > evaluate > dataset > train), then place. Only speaking makes a running job give way; an
evaluation does not interrupt a training.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Container, Mapping, Sequence

from sqlalchemy.orm import Session

from daemon.database.models import Job
from daemon.database.store import Store
from daemon.errors import MynaError, StoreTrouble
from daemon.kinds.registry import Kinds
from daemon.machine.gpu import Gpus
from daemon.scheduling.attempt import Attempt
from daemon.scheduling.far_lanes import FarLanes
from daemon.scheduling.gpu_lanes import YIELD_TIMEOUT, GpuLanes
from daemon.scheduling.lanes import GiveWay, GoOn, Ready, Start, decide
from daemon.scheduling.place import Place
from daemon.scheduling.queue_view import QueueView, Snapshot, Waiting
from daemon.scheduling.speech import Speech
from daemon.scheduling.turns import Turns
from daemon.settings import Settings
from daemon.state import jobs
from daemon.state.waiting import Note, tell
from proto import myna_pb2 as pb

log = logging.getLogger("mynad.scheduler")

#: seconds between two passes, at least and at most: many submits at once make one pass
SHORTEST_PAUSE, LONGEST_PAUSE = 0.02, 0.2
#: waiting jobs of a lane whose reason names the job ahead; those behind them get one sentence that does not change with
#: every job
NAMED_JOBS = 8
WHYS_EVERY = 0.3  #: seconds, at least, between two writes of the reasons why jobs wait
RECHECK = 5.0  #: seconds after which jobs that wait for something outside (disk, audio) are checked again
SPEECH = "speech"  #: the owner of memory that the speech worker holds between requests
BEHIND = "other jobs are ahead of it"
REMOTE_AT_ONCE = 8  #: requests to engines elsewhere


#: makes the attempt of a job; its third argument wakes the scheduler
MakeAttempt = Callable[[Job, Place, Callable[[], None]], Attempt]


class Scheduler:
    """Runs in mynad's event loop; `run` is its life."""

    def __init__(
        self,
        store: Store,
        kinds: Kinds,
        gpus: Gpus,
        speech: Speech,
        attempt: MakeAttempt,
        settings: Settings,
        far: Callable[[Mapping[int, Attempt]], FarLanes],
    ) -> None:
        self._store = store
        self._kinds = kinds
        self._speech = speech
        self._attempt = attempt
        self._cpu_jobs = settings.cpu_jobs  #: at once in the CPU lane
        self.attempts: dict[int, Attempt] = {}  #: by job
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._ending = False
        self._pass_seconds = 0.0  #: seconds
        self._turns = Turns()
        self.gpus = GpuLanes(gpus, speech, self.attempts, settings.train_share)
        self.far = far(self.attempts)
        self._queue = QueueView(kinds, self.attempts, self._turns, lambda: self.gpus.any)
        self._whys_stored = float("-inf")  #: when waiting jobs were last told why, monotonic
        loop = asyncio.get_running_loop()
        store.on_commit(lambda happened: happened and loop.call_soon_threadsafe(self.wake))

    # -------------------------------------------------------------------------------------------------- for services

    def wake(self) -> None:
        """Have another pass soon."""
        self._wake.set()

    def gpus_changed(self) -> None:
        """Other GPUs are there, or answer, than before."""
        self.gpus.seen()
        self.wake()

    def with_progress(self, message: pb.Job) -> pb.Job:
        """Fill in how far a running job is."""
        attempt = self.attempts.get(message.id)
        return attempt.with_progress(message) if attempt is not None else message

    def gpu_holder(self, known: Container[int] | None = None) -> str:
        """Who has the GPUs: "train #12", of several GPUs "train #12 (GPU 0), speak #15 (GPU 1)"; or empty. Jobs that
        are not `known` (None: all are) are not named."""
        return self.gpus.holders(known)

    def job_of(self, pid: int) -> int:
        """The job that a process works for; 0: none."""
        busy = (a.job for a in self.attempts.values() if a.worker is not None and a.worker.pid == pid)
        return next(busy, 0)

    def owner(self, pid: int) -> str:
        """Which job a process works for: "train #12", "speech", or empty. May be asked from any thread."""
        for attempt in list(self.attempts.values()):
            if attempt.worker is not None and attempt.worker.pid == pid:
                return attempt.label
        return SPEECH if pid == self._speech.pid else ""

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
        snapshot = await self._store.read(self._queue.read)
        self._pass_seconds = time.monotonic() - began
        notes: dict[int, Note] = {}
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
            await self._gpu_lanes(snapshot, notes)
            await self._cpu_lane(snapshot, notes)
        await self._store_notes(snapshot, notes)
        return any(waiting.why_not for waiting in (*snapshot.gpu, *snapshot.cpu))

    async def _store_notes(self, snapshot: Snapshot, notes: dict[int, Note]) -> None:
        """Write those that changed, at most every WHYS_EVERY seconds: each is an event to everybody who
        watches."""
        old = {w.job.id: Note.of(w.job) for w in (*snapshot.gpu, *snapshot.cpu)}
        changed = {id: note for id, was in old.items() if (note := notes.get(id, was)) != was}
        if not changed:
            return
        wait = self._whys_stored + WHYS_EVERY - time.monotonic()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self.wake)
            return
        await self._store.write(_set_notes, changed)
        self._whys_stored = time.monotonic()

    # -------------------------------------------------------------------------------------------------- lanes

    async def _gpu_lanes(self, snapshot: Snapshot, notes: dict[int, Note]) -> None:
        ready = [Ready(w.job.id, self._kinds[w.job.kind].preempts, w.need.bytes) for w in snapshot.gpu if not w.why_not]
        waiting = {w.job.id: w for w in snapshot.gpu}
        elsewhere = [one for one in ready if self.far.takes(self._kinds[waiting[one.job].job.kind])]
        for one, place in zip(self._one_a_voice(elsewhere, waiting), self.far.free(), strict=False):
            self._start(waiting[one.job].job, place)
        ready = [one for one in ready if one not in elsewhere]
        lanes = self.gpus.see(snapshot.live)
        speaking = any(a.kind.preempts and a.gpu_lane for a in self.attempts.values())
        for action in decide(lanes, self._one_a_voice(ready, waiting), speaking=speaking):
            match action:
                case GoOn():
                    if action.turn:
                        self.gpus.take_turn(action.gpu)
                    if (attempt := self.attempts.get(action.job)) is not None:  # it may have ended since the look
                        await attempt.go_on()
                case GiveWay():
                    if (attempt := self.attempts.get(action.job)) is not None:
                        self._ask(attempt, waiting[action.to].job, offload=action.offload)
                case Start():
                    await self._start_on_gpu(action, waiting[action.job], snapshot)
        if any(one.preempts for one in ready) and (owed := self.gpus.owed(lanes)):
            asyncio.get_running_loop().call_later(owed, self.wake)
        lanes = self.gpus.see(snapshot.live)
        self.gpus.note(lanes, snapshot.live)
        notes |= {w.job.id: Note(w.why_not, waits_for=w.waits_for) for w in snapshot.gpu}
        behind = [one for one in ready if one.job not in self.attempts]
        for index, one in enumerate(behind):
            why, use = self.gpus.why(lanes, one), self.gpus.waiting(lanes, one, waiting[one.job].need)
            told = use.SerializeToString() if use is not None else None
            notes[one.job] = Note(BEHIND if why and index >= NAMED_JOBS else why, told, behind=bool(why))
        notes |= {one.job: Note(self.far.why(), behind=True) for one in elsewhere if one.job not in self.attempts}

    def _one_a_voice(self, ready: Sequence[Ready], waiting: Mapping[int, Waiting]) -> list[Ready]:
        """Without the second job of a voice while the first one begins: what waits for what is known from the database
        (`why_not`), which hears of a start only when the worker is there. Speech hinders nobody."""
        begin = {a.voice for a in self.attempts.values() if a.gpu_lane and a.worker is None and not a.kind.preempts}
        chosen = []
        for one in ready:
            voice = waiting[one.job].job.voice
            if one.preempts or voice not in begin:
                chosen.append(one)
            if not one.preempts:
                begin.add(voice)
        return chosen

    def _ask(self, holder: Attempt, urgent: Job, *, offload: bool) -> None:
        """Ask it to give way to a job."""
        label = f"{urgent.kind} #{urgent.id}"
        if holder.give_way(label, offload=offload):
            asyncio.get_running_loop().call_later(YIELD_TIMEOUT + SHORTEST_PAUSE, self.wake)

    async def _start_on_gpu(self, action: Start, waiting: Waiting, snapshot: Snapshot) -> None:
        job, label = waiting.job, f"{waiting.job.kind} #{waiting.job.id}"
        holder = self.gpus.holder(action.gpu)
        if action.beside and holder is not None and self.gpus.late(holder):
            log.warning("%s did not give way within %g s; %s starts beside it.", holder.label, YIELD_TIMEOUT, label)
        place = self.gpus.place(action.gpu, waiting.need)
        if action.short and not action.speaks and self._speech.gpu == action.gpu:
            self._speech.make_room()
        self._start(job, place)
        if action.speaks and not action.beside:
            for attempt in self.gpus.aside(action.gpu, snapshot.live):
                await attempt.wait_for(label)

    async def _cpu_lane(self, snapshot: Snapshot, notes: dict[int, Note]) -> None:
        for index, waiting in enumerate(snapshot.cpu):
            job = waiting.job
            busy = [a for a in self.attempts.values() if not a.gpu_lane and not a.yielded]
            speaks = self._kinds[job.kind].preempts  # elsewhere: it takes no CPU to speak of, and somebody waits for it
            busy = [a for a in busy if a.kind.preempts is speaks]
            notes[job.id] = Note(waiting.why_not or self._queue.conflict(job))
            if notes[job.id].why:
                continue
            if len(busy) >= (REMOTE_AT_ONCE if speaks else self._cpu_jobs):
                labels = ", ".join(a.label for a in busy)
                notes[job.id] = Note(f"CPU lane busy with {labels}" if index < NAMED_JOBS else BEHIND, behind=True)
            else:
                self._start(job, self.gpus.beside())
        in_gpu_lanes = self.gpus.inside()
        for attempt in [
            a for a in self.attempts.values() if a.yielded and a not in in_gpu_lanes
        ]:  # resumed: they have their place already
            row = snapshot.live.get(attempt.job)
            if row is not None and not row.paused_by_person:
                await attempt.go_on()

    def _start(self, job: Job, place: Place) -> None:
        self._turns.begun(job)
        attempt = self.attempts[job.id] = self._attempt(job, place, self.wake)
        task = self._tasks[job.id] = asyncio.create_task(attempt.run(), name=attempt.label)
        task.add_done_callback(lambda done: self._over(job.id, done))

    def _over(self, job: int, task: asyncio.Task[None]) -> None:
        attempt = self.attempts.pop(job)
        self._tasks.pop(job)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s: the attempt itself failed", attempt.label, exc_info=error)
        self.wake()


def _set_notes(session: Session, notes: dict[int, Note]) -> None:
    for job, note in notes.items():
        with contextlib.suppress(MynaError):
            tell(session, jobs.get(session, job), note)
