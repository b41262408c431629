"""The System service: what runs here, how busy it is, what a training would cost, what is wrong, and the end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy.orm import Session

from daemon import doctor
from daemon.errors import BadRequest
from daemon.kinds import train
from daemon.services.errors import plain
from daemon.state import engines, events, jobs
from engines import registry
from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs

if TYPE_CHECKING:
    from daemon.main import Daemon

#: seconds between samples of a watch: the default, the least, and the most
EVERY, LEAST, MOST = 2.0, 0.5, 3600.0


@plain
class SystemService(stubs.SystemServicer):
    """See the service in proto/myna.proto."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.store = daemon.store

    async def Info(self, request: pb.Empty, context: Any) -> pb.InfoResponse:
        def ask(session: Session) -> tuple[dict[str, int], int, list[pb.EngineState]]:
            states = [engines.state(session, info, self.daemon.home) for info in registry.ENGINES.values()]
            return jobs.counts(session), events.newest(session), states

        (counts, cursor, states), sample = await asyncio.gather(self.store.read(ask), self.daemon.machine.sample())
        started = Timestamp()
        started.FromDatetime(self.daemon.started)
        return pb.InfoResponse(
            version=our_version(),
            home=str(self.daemon.home),
            started=started,
            jobs=counts,
            sample=sample,
            engines=states,
            gpu_holder=self.daemon.scheduler.gpu_holder,
            cursor=cursor,
            pid=os.getpid(),
            inbox=self.daemon.inbox.present(),
        )

    async def Watch(self, request: pb.SystemWatchRequest, context: Any) -> AsyncIterator[pb.SystemSample]:
        if not 0 <= request.every_seconds <= MOST:  # also what is no number
            raise BadRequest(f"Samples cannot come every {request.every_seconds:g} seconds.", f"Use a number from {LEAST:g} to {MOST:g}.")
        every = max(request.every_seconds or EVERY, LEAST)
        while True:
            yield await self.daemon.machine.sample()
            await asyncio.sleep(every)

    async def Estimate(self, request: pb.EstimateRequest, context: Any) -> pb.EstimateResponse:
        return await self.store.read(train.estimate, request.spec, self.daemon.home)

    async def Doctor(self, request: pb.Empty, context: Any) -> pb.DoctorResponse:
        return pb.DoctorResponse(findings=await doctor.examine(self.daemon))

    async def Accept(self, request: pb.AcceptRequest, context: Any) -> pb.EngineState:
        state = await self.store.write(engines.accept, request.engine, self.daemon.home)
        self.daemon.scheduler.wake()  # a training may have waited for just that
        return state

    async def Shutdown(self, request: pb.ShutdownRequest, context: Any) -> pb.Empty:
        # after the answer is on its way
        asyncio.get_running_loop().call_later(0.05, self.daemon.end, request.now)
        return pb.Empty()


def our_version() -> str:
    """The version of Myna that runs."""
    try:
        return version("myna-voice")
    except PackageNotFoundError:
        return "unreleased"
