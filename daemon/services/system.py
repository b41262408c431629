"""The System service: what runs here, how busy it is, what a training would cost, what is wrong, and the end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from daemon import names
from daemon.caller import current
from daemon.database.store import Store
from daemon.errors import BadRequest
from daemon.home.adopt import Adoption
from daemon.idle.waiting import WaitingForIdleness
from daemon.inbox.watcher import Inbox
from daemon.kinds.registry import Kinds
from daemon.machine.doctor import Doctor
from daemon.machine.sampler import Machine
from daemon.scheduling.scheduler import SPEECH, Scheduler
from daemon.services import veil
from daemon.services.errors import plain
from daemon.state import compare, engines, events, jobs, remote_engines, seen
from daemon.state.stamp import stamp
from daemon.telemetry import gauges
from daemon.telemetry.meters import CONTENT_TYPE, Meters
from daemon.telemetry.month import Month
from engines import registry
from engines.metrics.table import METRICS
from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs

#: ends mynad; True: without waiting for workers to save
End = Callable[[bool], None]
#: seconds between samples of a watch: the default, the least, and the most
EVERY, LEAST, MOST = 2.0, 0.5, 3600.0


@plain
class SystemService(stubs.SystemServicer):
    """See the service in proto/myna.proto."""

    def __init__(
        self,
        home: Path,
        store: Store,
        kinds: Kinds,
        machine: Machine,
        scheduler: Scheduler,
        inbox: Inbox,
        doctor: Doctor,
        adoption: Adoption,
        end: End,
        meters: Meters,
        idle: WaitingForIdleness,
    ) -> None:
        self.home = home
        self.store = store
        self.kinds = kinds
        self.machine = machine
        self.scheduler = scheduler
        self.inbox = inbox
        self.doctor = doctor
        self.adoption = adoption
        self.end = end
        self.meters, self.month = meters, Month(store)
        self.idle = idle
        self.started = datetime.now(UTC)

    async def Info(self, request: pb.Empty, context: Any) -> pb.InfoResponse:
        def query(session: Session) -> tuple[dict[str, int], int, list[pb.EngineState], frozenset[str] | None]:
            states = [engines.state(session, info, self.home) for info in registry.ENGINES.values()]
            states += remote_engines.states(session)
            return jobs.counts(session), events.newest(session), states, seen.readable(session)

        (counts, cursor, states, voices), sample, (refused, count) = await asyncio.gather(
            self.store.read(query), self._sample(), asyncio.to_thread(self.inbox.refused)
        )
        everything = voices is None
        if voices is not None:
            refused = [file for file in refused if file.voice in voices]
            count = len(refused)
        return pb.InfoResponse(
            version=our_version(),
            home=str(self.home) if everything else "",
            started=stamp(self.started),
            jobs=counts,
            sample=sample,
            engines=states,
            gpu_holder=self.scheduler.gpu_holder(await self._known()),
            cursor=cursor,
            pid=os.getpid(),
            inbox=[file for file in self.inbox.present() if voices is None or file.voice in voices],
            findings=self.adoption.findings if everything else [],
            refused=refused,
            refused_count=count,
            metrics=[compare.metric_message(info) for info in METRICS.values()],
        )

    async def Watch(self, request: pb.SystemWatchRequest, context: Any) -> AsyncIterator[pb.SystemSample]:
        if not 0 <= request.every_seconds <= MOST:  # also what is no number
            raise BadRequest(
                f"Samples cannot come every {request.every_seconds:g} seconds.",
                f"Use a number from {LEAST:g} to {MOST:g}.",
            )
        every = max(request.every_seconds or EVERY, LEAST)
        while True:
            yield await self._sample()
            await asyncio.sleep(every)

    async def Estimate(self, request: pb.EstimateRequest, context: Any) -> pb.EstimateResponse:
        estimate: pb.EstimateResponse
        estimate, sample = await asyncio.gather(
            self.store.read(self.kinds.train.estimate, request.spec), self.machine.sample()
        )
        if self.scheduler.far.takes(self.kinds.train):  # this machine's GPUs say nothing of another's
            if not any(lane.HasField("gpu") for lane in self.scheduler.far.told()):
                estimate.gpu_memory = 0
            estimate.ClearField("gpu")
            return estimate
        if not sample.gpus:
            estimate.gpu_memory = 0  # it trains on the CPU
        ours = [gpu for gpu in sample.gpus if gpu.owned and not gpu.lost]
        if not ours:
            estimate.ClearField("gpu")
            return estimate
        free = {gpu.uuid: gpu.memory_total - gpu.memory_used + _idle_speech(gpu) for gpu in ours}
        roomy = max(ours, key=lambda gpu: free[gpu.uuid])
        room = pb.GpuUse(indices=[roomy.index], uuid=roomy.uuid, free=free[roomy.uuid], total=roomy.memory_total)
        estimate.gpu.MergeFrom(room)
        return estimate

    async def _known(self) -> set[int] | None:
        """Those of the jobs at work that the caller may see; None: all."""
        if current().everything:
            return None
        return await self.store.read(seen.jobs, list(self.scheduler.attempts))

    async def _sample(self) -> pb.SystemSample:
        """How busy the machine is, as the caller may see it."""
        sample, known = await self.machine.sample(), await self._known()
        return sample if known is None else veil.sample(sample, self.scheduler.job_of, known)

    async def Doctor(self, request: pb.Empty, context: Any) -> pb.DoctorResponse:
        return pb.DoctorResponse(findings=await self.doctor.examine())

    async def Metrics(self, request: pb.Empty, context: Any) -> pb.MetricsResponse:
        state, month, sample, (_, refused) = await asyncio.gather(
            self.store.read(gauges.of_state),
            self.month.metrics(),
            self.machine.sample(),
            asyncio.to_thread(self.inbox.refused),
        )
        standing = [*state, *month, *gauges.of_machine(sample, self.inbox.present(), refused)]
        text = await asyncio.to_thread(self.meters.text, standing)
        return pb.MetricsResponse(text=text, content_type=CONTENT_TYPE)

    async def Idle(self, request: pb.Empty, context: Any) -> pb.IdleResponse:
        return await self.idle.message()

    async def Accept(self, request: pb.AcceptRequest, context: Any) -> pb.EngineState:
        state = await self.store.write(engines.accept, request.engine, self.home)
        self.scheduler.wake()  # a training may have waited for just that
        return state

    async def Adopt(self, request: pb.AdoptRequest, context: Any) -> pb.AdoptResponse:
        return await self.adoption.take_in(
            names.check_voice(request.voice) if request.voice else "", dry=request.dry_run
        )

    async def Shutdown(self, request: pb.ShutdownRequest, context: Any) -> pb.Empty:
        # after the answer is on its way
        asyncio.get_running_loop().call_later(0.05, self.end, request.now)
        return pb.Empty()


def _idle_speech(gpu: pb.Gpu) -> int:
    """Bytes that the speech worker holds there, which it gives back to a training."""
    return sum(process.memory for process in gpu.processes if process.owner == SPEECH)


def our_version() -> str:
    """The version of Myna that runs."""
    try:
        return version("myna-voice")
    except PackageNotFoundError:
        return "unreleased"
