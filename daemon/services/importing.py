"""Packages that come over the wire, whatever they hold: received, and taken in by a job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from daemon import names
from daemon.errors import BadRequest, MynaError
from daemon.home import imports
from daemon.package.archive import BadPackage, Reader
from daemon.package.header import read_header
from daemon.services import quota_room
from daemon.services.exports import Sending
from proto import myna_pb2 as pb
from proto.messages import spec_of


@dataclass(frozen=True)
class Receiving:
    """What it takes to receive one."""

    jobs: Sending
    min_free: int  #: bytes of the disk that stay free

    async def take(self, parts: AsyncIterator[pb.FilePart]) -> tuple[str, pb.Job]:
        """(the voice that got it, the job that took it in). Who hangs up once all was sent leaves the job to its end.
        Raises BadRequest for what is no package, QuotaReached, and what `Sending.ended` raises."""
        incoming = imports.Incoming(self.jobs.home, self.min_free)
        try:
            voice, begun, room = "", False, quota_room.UNLIMITED
            async for part in parts:
                if not begun:
                    voice, begun = part.voice, True
                    room = await quota_room.of_voice(self.jobs.store, self.jobs.home, voice)
                room.take(len(part.data))
                voice = voice or part.voice
                await asyncio.to_thread(incoming.add, part.data)
            await asyncio.to_thread(incoming.end)
            voice = names.check_voice(voice or await asyncio.to_thread(_voice_of, incoming.path))
            asked = pb.ImportSpec(path=incoming.name, voice=voice)
            cursor, job = await self.jobs.submit(spec_of(asked))
            incoming.give()
        finally:
            await asyncio.to_thread(incoming.close)
        try:
            return voice, await self.jobs.ended(cursor, job, voice)
        except MynaError:  # it has ended: nobody waits for the package
            await asyncio.to_thread(incoming.path.unlink, missing_ok=True)
            raise


def _voice_of(package: Path) -> str:
    """The voice that a package names. Raises BadRequest."""
    try:
        with package.open("rb") as file:
            return read_header(Reader(file)).whose.voice
    except BadPackage as error:
        raise BadRequest(str(error), error.hint) from None
