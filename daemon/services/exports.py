"""Files that a job writes for whoever asked, and that are sent to them part by part."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy.orm import Session

from daemon.database.store import Store
from daemon.errors import BadRequest, MynaError, NotNow
from daemon.kinds.export import server as export
from daemon.kinds.lifecycle import Lifecycle
from daemon.state import events, jobs
from daemon.state.events import EventHub
from daemon.state.status import ENDED
from proto import myna_pb2 as pb

#: Bytes of a file in one message.
PART = 256 * 1_024


@dataclass(frozen=True)
class Sending:
    """What it takes to have a job done and to hear of its end."""

    home: Path
    store: Store
    lifecycle: Lifecycle
    hub: EventHub

    async def send(self, asked: pb.ExportSpec, context: Any, *, keep: bool) -> AsyncIterator[pb.FilePart]:
        """Has a job write the file, sends it, and takes it away once it was sent whole, unless it is to be kept. Raises
        what the kind's check raises, and NotNow if nothing comes of the job."""
        job = await self.done(pb.JobSpec(export=asked), asked.voice)
        path = export.file(self.home, job.spec.export)
        try:  # while it waited, things may have changed
            await self.store.read(export.allowed, asked.voice)
        except MynaError:
            if not keep:
                await asyncio.to_thread(path.unlink, missing_ok=True)
            raise
        with _opened(path) as file:
            yield pb.FilePart(
                name=path.name, size=os.fstat(file.fileno()).st_size
            )  # another export may take its name now
            while data := await asyncio.to_thread(file.read, PART):
                yield pb.FilePart(data=data)
            if not keep and not context.cancelled():
                _take_away(path, file)

    async def done(self, spec: pb.JobSpec, voice: str) -> pb.Job:
        """Submit a job of a voice, and wait for its success. Raises as `ended` does."""
        cursor, job = await self.submit(spec)
        return await self.ended(cursor, job, voice)

    async def submit(self, spec: pb.JobSpec) -> tuple[int, pb.Job]:
        """(cursor of the newest event before it, the job)."""

        def act(session: Session) -> tuple[int, pb.Job]:
            before = events.newest(session)
            return before, jobs.message(self.lifecycle.submit(session, spec))

        submitted: tuple[int, pb.Job] = await self.store.write(act)
        return submitted

    async def ended(self, cursor: int, job: pb.Job, voice: str) -> pb.Job:
        """The job once it has succeeded. Raises BadRequest or NotNow with its own sentence when it ends otherwise."""
        async for event in self.hub.watch(cursor, voice, progress=False):
            if event.job.id == job.id and event.job.status.WhichOneof("status") in ENDED:
                job = event.job
                break
        if job.status.HasField("failed"):
            error = job.status.failed.error
            raise (BadRequest if error.kind == pb.BAD_INPUT else NotNow)(error.sentence, error.hint)
        if not job.status.HasField("succeeded"):
            raise NotNow(f"The {job.title.partition(' ')[0]} (job #{job.id}) was cancelled.", "Ask for it again.")
        return job


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:  # a purge came between
        raise NotNow(f"The package {path.name} was deleted before it was sent.", "Ask for it again.") from None


def _take_away(path: Path, file: BinaryIO) -> None:
    """Delete an export that was sent, unless another one has its name by now."""
    with contextlib.suppress(OSError):
        if os.path.samestat(os.stat(path), os.fstat(file.fileno())):
            path.unlink()
