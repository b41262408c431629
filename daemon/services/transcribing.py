"""Sound that comes over the wire to be transcribed: received, heard by a job, told, and kept nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from daemon.errors import BadRequest, MynaError, NotNow
from daemon.home import heard_files
from daemon.services.exports import Sending
from daemon.state import jobs
from proto import myna_pb2 as pb

#: Who cancels a job when nobody waits for it any more.
GONE = "client disconnected"


@dataclass(frozen=True)
class Transcribing:
    """What it takes."""

    jobs: Sending

    async def take(self, parts: AsyncIterator[pb.TranscribePart]) -> pb.Transcript:
        """What is heard in a file. Who hangs up ends the job. Raises BadRequest for what is no sound, NotNow where
        nothing here hears it."""
        asked = pb.TranscribeSpec()
        incoming = heard_files.Incoming(self.jobs.home, self.jobs.lifecycle.kinds["transcribe"].disk)
        try:
            first = True
            async for part in parts:
                if first:
                    asked.CopyFrom(part.spec)
                    first = False
                await asyncio.to_thread(incoming.add, part.data)
            await asyncio.to_thread(incoming.end)
            asked.file = incoming.name
            await self._heard(asked)
            try:
                return pb.Transcript.FromString(await asyncio.to_thread(heard_files.heard(incoming.path).read_bytes))
            except FileNotFoundError:
                raise NotNow("What was heard was deleted before it was told.", "Send the file again.") from None
        finally:
            await asyncio.to_thread(incoming.close)

    async def _heard(self, asked: pb.TranscribeSpec) -> None:
        """Have the job done."""
        cursor, job = await self.jobs.submit(pb.JobSpec(transcribe=asked))
        try:
            await self.jobs.ended(cursor, job, "")
        except asyncio.CancelledError:
            await asyncio.shield(asyncio.create_task(self._cancel(job.id)))
            raise

    async def _cancel(self, job: int) -> None:
        try:
            await self.jobs.store.write(
                lambda session: self.jobs.lifecycle.cancel(session, jobs.get(session, job), GONE)
            )
        except (BadRequest, MynaError):  # it has ended meanwhile
            return
