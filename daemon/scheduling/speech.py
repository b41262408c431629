"""The resident speech worker: it stays between requests and keeps the last voices loaded; and the way of its audio to
who asked.

The scheduler runs speak jobs like any other; their attempts take the worker here and give it back. Audio goes through a
`Stream` per job: bounded, so that a client that reads slowly slows the worker and not mynad's memory, and cancelled
when the client goes away.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from dataclasses import dataclass

from sqlalchemy.orm import Session

from daemon.database.models import Job, now
from daemon.database.store import Store
from daemon.errors import MynaError, NotNow, QuotaReached
from daemon.kinds.lifecycle import Lifecycle
from daemon.processes.workers import Worker, Workers
from daemon.scheduling.place import Place
from daemon.state import accounts, jobs
from daemon.state.status import ENDED
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

log = logging.getLogger("mynad.speech")

#: bytes of audio that wait for a client (some three minutes): the GPU is free again before it has played them
BUFFER = 16_000_000
STALL = 60.0  #: seconds a client may leave a full buffer untouched
UNHEARD = 10.0  #: seconds that audio nobody asked for yet is kept


@dataclass(frozen=True)
class Ready:
    """What to have ready before anybody asks for speech."""

    engines: Callable[[Session], list[str]]  #: names of those that voices could speak with now
    place: Callable[[], Awaitable[Place]]  #: where a request would be spoken, as soon as that is known


class SpeechFailed(MynaError):
    """A speak job ended without speaking to the end."""

    code = "ABORTED"


class Stream:
    """Audio of one job on its way to at most one listener."""

    def __init__(self) -> None:
        self.changed = asyncio.Condition()
        self.chunks: deque[wire.Audio] = deque()
        self.size = 0  #: bytes in `chunks`
        self.listened = False
        self.ended: pb.JobStatus | None = None
        self.dropped = False  #: nobody listens any more (or ever did)

    async def put(self, audio: wire.Audio) -> bool:
        """Add a chunk, waiting for room. False: the listener has not read for too long."""
        async with self.changed:
            patience = STALL if self.listened else UNHEARD
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.changed.wait_for(lambda: self.size < BUFFER or self.dropped), patience)
            if self.size >= BUFFER:
                return False
            if not self.dropped:
                self.chunks.append(audio)
                self.size += len(audio.samples)
            self.changed.notify_all()
        return True

    async def take(self) -> wire.Audio | None:
        """The next chunk; None after the last."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.chunks or self.ended is not None or self.dropped)
            if not self.chunks:
                return None
            audio = self.chunks.popleft()
            self.size -= len(audio.samples)
            self.changed.notify_all()
            return audio

    async def finish(self, status: pb.JobStatus | None) -> None:
        """No more will come."""
        async with self.changed:
            self.ended = status
            self.dropped = self.dropped or status is None
            self.changed.notify_all()

    async def hang_up(self) -> None:
        """Nobody listens any more: what waits goes, and what still comes is not kept."""
        async with self.changed:
            self.chunks.clear()
            self.size = 0
            self.dropped = True
            self.changed.notify_all()


class Speech:
    """Owns the resident worker and the streams of the speak jobs under way."""

    def __init__(
        self, store: Store, lifecycle: Lifecycle, workers: Workers, idle_seconds: float, ready: Ready | None = None
    ) -> None:
        """`ready`: what to have ready before anybody asks for speech; None: nothing."""
        self._store = store
        self._lifecycle = lifecycle
        self._workers = workers
        self._idle_seconds = idle_seconds  #: after that the worker gives its memory back
        self._ready = ready
        self.loaded: list[wire.LoadedVoice] = []  #: voices the worker holds
        self._worker: Worker | None = None
        self._place = Place()  #: where it lives, or did last
        self._taken = False
        self._starting = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None
        self._streams: dict[int, Stream] = {}
        self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()
        loop = asyncio.get_running_loop()
        store.on_commit(lambda happened: happened and loop.call_soon_threadsafe(self._note, happened))

    # ------------------------------------------------------------------------------------------------ for SpeechService

    async def synthesize(self, job: int) -> AsyncGenerator[wire.Audio]:
        """The audio of a speak job, chunk by chunk, as it is spoken, after an empty chunk that comes at once: from then
        on, closing the iterator before its end cancels the job. Raises SpeechFailed with the job's sentence when it
        fails, QuotaReached when its person's minutes are used up, NotNow when somebody cancelled it."""
        stream = self._stream(job)
        stream.listened = True
        try:
            row = await self._store.read(jobs.get, job)
            if row.state in ENDED and stream.ended is None:
                await stream.finish(jobs.message(row).status)
            yield wire.Audio()
            while (audio := await stream.take()) is not None:
                yield audio
        finally:
            if (
                stream.ended is None
            ):  # it stays until the job has ended, for what its worker says until it hears of this
                await asyncio.shield(self._hung_up(job, stream))
            else:
                self._streams.pop(job, None)
        match stream.ended.WhichOneof("status") if stream.ended is not None else "":
            case "failed":
                error = stream.ended.failed.error  # type: ignore[union-attr]
                if error.kind == pb.QUOTA:
                    raise QuotaReached(error.sentence, error.hint, (accounts.refill(now()) - now()).total_seconds())
                raise SpeechFailed(error.sentence, error.hint)
            case "cancelled":
                raise NotNow("Speaking was cancelled.", "")

    # -------------------------------------------------------------------------------------------------- for attempts

    async def take(self, place: Place) -> Worker:
        """The resident worker, started if need be; anew, where it lives on another GPU. One attempt at a time has it
        (the scheduler sees to that)."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        async with self._starting:
            if self._worker is not None and self._place.gpu != place.gpu:
                self._worker.let_go()
                self._worker = None
            if self._worker is None or self._worker.ended.done():
                await self._launch(place)
            self._taken = True
            assert self._worker is not None
            return self._worker

    async def get_ready(self) -> None:
        """Have a worker wait that has loaded what the voices' engines need, unless there is a worker already. One that
        cannot be started is tried again when somebody asks for speech."""
        if self._ready is None:
            return
        place = await self._ready.place()
        async with self._starting:
            with contextlib.suppress(MynaError, OSError):
                names = await self._store.read(self._ready.engines) if self.pid is None else []
                if names and not self._closed:
                    await self._launch(place, *names)

    def give_back(self, worker: Worker) -> None:
        """The attempt is over; the worker stays loaded until it was idle for `speech_idle_seconds`."""
        self._taken = False
        worker.on_output = worker.note
        self._idle = asyncio.get_running_loop().call_later(self._idle_seconds, self._let_go)

    async def dismiss(self, worker: Worker) -> None:
        """The attempt is over, and the worker is not to be used again. Returns when it has ended."""
        worker.let_go()
        await worker.ended
        self._taken = False
        self._worker = None
        self.loaded = []
        self._start(self.get_ready())

    async def put(self, job: int, audio: wire.Audio) -> None:
        """A chunk from the worker. Waits while the listener has enough to go on with."""
        if not await self._stream(job).put(audio):
            log.info("speak #%d was cancelled because nobody reads its audio.", job)
            await self._abandon(job, self._stream(job))

    def make_room(self, keep_bytes: int = 0) -> None:
        """Give GPU memory back: somebody else needs it."""
        if self._worker is not None and not self._taken and self.loaded:
            self._worker.send(unload=wire.Unload(keep_bytes=keep_bytes))

    @property
    def gpu(self) -> str | None:
        """The GPU that the speech worker lives on (empty: the CPU); None: there is no such worker."""
        return self._place.gpu if self.pid is not None else None

    @property
    def pid(self) -> int | None:
        """Process id of the speech worker, if there is one."""
        return self._worker.pid if self._worker is not None and not self._worker.ended.done() else None

    async def close(self) -> None:
        """End the worker."""
        self._closed = True
        if self._idle is not None:
            self._idle.cancel()
        worker = self._worker
        if worker is not None and not worker.ended.done():
            worker.let_go()
            await worker.ended

    # -------------------------------------------------------------------------------------------------- private

    async def _launch(self, place: Place, *ready: str) -> None:
        self.loaded = []
        self._place = place
        self._worker = await self._workers.launch("--speech", *ready, environment=place.environment)

    def _let_go(self) -> None:
        self._idle = None
        if self._worker is not None and not self._taken:
            log.info("The speech worker was idle for %g s and ends.", self._idle_seconds)
            self._worker.let_go()
            self._worker = None
            self.loaded = []
            self._start(self.get_ready())

    def _stream(self, job: int) -> Stream:
        return self._streams.setdefault(job, Stream())

    def _note(self, happened: list[pb.Event]) -> None:
        """Jobs changed: streams of those that ended end, after what they hold. What succeeded may be the first that
        speech can be made of."""
        if any(event.job.status.HasField("succeeded") for event in happened if event.HasField("job")):
            self._start(self.get_ready())
        for event in happened:
            stream = self._streams.get(event.job.id) if event.HasField("job") else None
            if stream is not None and event.job.status.WhichOneof("status") in ENDED:
                self._start(stream.finish(event.job.status))
                if stream.dropped:
                    self._streams.pop(event.job.id, None)
                elif not stream.listened:
                    asyncio.get_running_loop().call_later(UNHEARD, self._forget, event.job.id, stream)

    def _forget(self, job: int, stream: Stream) -> None:
        if not stream.listened:
            self._streams.pop(job, None)

    async def _hung_up(self, job: int, stream: Stream) -> None:
        await stream.hang_up()
        await self._abandon(job, stream)

    async def _abandon(self, job: int, stream: Stream) -> None:
        """Nobody listens: the job is pointless, also where whoever asked for it may not see it any more."""

        def cancel(session: Session) -> bool:
            if (row := session.get(Job, job)) is None or row.state in ENDED:
                return True
            self._lifecycle.cancel(session, row, "client disconnected")
            return False

        await stream.finish(None)
        with contextlib.suppress(MynaError):
            if await self._store.write(cancel):
                self._streams.pop(job, None)  # no event of its end is to come

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
