"""What people's jobs take of the GPU is written down while they take it, and whoever has used up their minutes goes on
when there are more. Where no person's job is at work, it does nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy.orm import Session

from daemon.database.models import Job, Voice
from daemon.database.store import Store
from daemon.errors import StoreTrouble
from daemon.machine.disk_space import folder_size
from daemon.scheduling.attempt import Attempt
from daemon.state import accounts, quotas
from daemon.state.quotas import Resource
from daemon.state.status import ENDED
from proto import myna_pb2 as pb

TICK = 0.5  #: seconds between two writes: what a kill loses at most
GRACE = 60.0  #: seconds that a job gets to save when its person's minutes are used up
OVER = "goes on when its person has GPU minutes again"


class Metering:
    """Of one scheduler, whose `attempts` (by job) it reads."""

    def __init__(self, store: Store, home: Path, attempts: Mapping[int, Attempt]) -> None:
        self._store = store
        self._home = home
        self._measured: set[str] = set()  #: people's voices whose scored lines are measured
        self._tasks: set[asyncio.Task[None]] = set()
        self._attempts = attempts
        self._working: set[int] = set()
        self._changed = asyncio.Event()
        loop = asyncio.get_running_loop()
        store.on_commit(lambda happened: happened and loop.call_soon_threadsafe(self._note, happened))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if not self._working:
                self._changed.clear()
                await self._changed.wait()
            await asyncio.sleep(TICK)
            try:
                over = await self._store.write(_tick)
            except StoreTrouble:  # the store's log says what it is, and the next tick counts this one's time, too
                continue
            for job in over:
                if (attempt := self._attempts.get(job)) is not None:
                    attempt.stop(GRACE, OVER)

    def _note(self, happened: list[pb.Event]) -> None:
        """Jobs changed: people's that take the GPU."""
        for event in happened:
            self._lines_changed(event)
            job = event.job
            if not job.person:
                continue
            if job.gpu_lane and job.kind != pb.SPEAK and job.status.HasField("running"):
                self._working.add(job.id)
                self._changed.set()
            else:
                self._working.discard(job.id)

    def _lines_changed(self, event: pb.Event) -> None:
        """Measure what a person's voice spoke to be scored: when a scoring ends, and when it is seen first."""
        voice, job = event.voice, event.job
        if job.kind == pb.EVALUATE and job.status.WhichOneof("status") in ENDED:
            self._measure(job.voice)
        elif voice.owner and voice.name not in self._measured:
            self._measured.add(voice.name)
            self._measure(voice.name)

    def _measure(self, voice: str) -> None:
        task = asyncio.get_running_loop().create_task(self._measuring(voice))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _measuring(self, voice: str) -> None:
        with contextlib.suppress(StoreTrouble):
            if await self._store.read(lambda session: (row := session.get(Voice, voice)) and row.owner):
                size = await asyncio.to_thread(folder_size, self._home / "samples" / voice)
                await self._store.write(accounts.measured, voice, size)


def _tick(session: Session) -> list[int]:
    """Count; jobs whose person has used up their minutes."""
    working = [session.get_one(Job, id) for id in accounts.tick(session)]
    over = {
        person: quotas.reached(session, person, Resource.GPU) is not None for person in {job.person for job in working}
    }
    return [job.id for job in working if over[job.person] and not job.cancelled_by]
