"""The Upkeep service: backups, and whether the home is whole. The work is done by a program of its own
(`daemon.upkeep`); cleaning is mynad's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from daemon.cleaning import wire
from daemon.cleaning.cleaning import Cleaning
from daemon.processes.upkeep import UpkeepProgram
from daemon.services.errors import plain
from daemon.upkeep import asked
from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs


@plain
class UpkeepService(stubs.UpkeepServicer):
    """See the service in proto/myna.proto."""

    def __init__(self, program: UpkeepProgram, cleaning: Cleaning) -> None:
        self.program = program
        self.cleaning = cleaning

    async def Backup(self, request: pb.BackupRequest, context: Any) -> AsyncIterator[pb.UpkeepStep]:
        asked.place(request.folder)
        asked.bound(request.rate)
        async with aclosing(self.program.steps("backup", request)) as steps:
            async for step in steps:
                yield step

    async def Snapshots(self, request: pb.BackupFolderRequest, context: Any) -> pb.SnapshotsResponse:
        asked.place(request.folder)
        steps = [step async for step in self.program.steps("snapshots", request)]
        return pb.SnapshotsResponse(snapshots=[step.taken for step in steps])

    async def Verify(self, request: pb.BackupFolderRequest, context: Any) -> AsyncIterator[pb.UpkeepStep]:
        asked.place(request.folder)
        asked.bound(request.rate)
        async with aclosing(self.program.steps("verify", request)) as steps:
            async for step in steps:
                yield step

    async def Check(self, request: pb.CheckRequest, context: Any) -> AsyncIterator[pb.UpkeepStep]:
        asked.bound(request.rate)
        async with aclosing(self.program.steps("check", request)) as steps:
            async for step in steps:
                yield step

    async def Clean(self, request: pb.CleanRequest, context: Any) -> pb.CleanResponse:
        clean = self.cleaning.for_room if request.room else self.cleaning.by_age
        work = asyncio.create_task(clean(dry_run=request.dry_run))
        return wire.message(await asyncio.shield(work), self.cleaning.keep)  # who hangs up leaves it to its end
