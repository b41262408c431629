"""The Jobs service: the queue, its events, and the logs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy.orm import Session

from daemon.database.models import Job
from daemon.database.store import Store, caller_of
from daemon.kinds.lifecycle import Lifecycle
from daemon.scheduling.scheduler import Scheduler
from daemon.services.errors import plain
from daemon.state import cleared_jobs, events, jobs, own_key, queue_order, spent
from daemon.state.events import EventHub
from daemon.state.logs import Logs
from daemon.state.status import ENDED
from daemon.state.values import Level, on_wire
from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs


@plain
class JobsService(stubs.JobsServicer):
    """See the service in proto/myna.proto."""

    def __init__(self, store: Store, lifecycle: Lifecycle, scheduler: Scheduler, hub: EventHub, logs: Logs) -> None:
        self.store = store
        self.lifecycle = lifecycle
        self.scheduler = scheduler
        self.hub = hub
        self.logs = logs
        self._loop = asyncio.get_running_loop()
        self.store.on_commit(lambda happened: happened and self._loop.call_soon_threadsafe(self._end_logs, happened))

    def _end_logs(self, happened: list[pb.Event]) -> None:
        for event in happened:
            if event.job.status.WhichOneof("status") in ENDED:
                self.logs.close(event.job.id)

    async def Submit(self, request: pb.SubmitRequest, context: Any) -> pb.Job:
        def act(session: Session) -> pb.Job:
            key = own_key.stored(caller_of(session), request.idempotency_key)
            return jobs.message(self.lifecycle.submit(session, request.spec, key=key, priority=request.priority))

        return await self.store.write(act)

    async def Get(self, request: pb.JobRequest, context: Any) -> pb.Job:
        def query(session: Session) -> pb.Job:
            row = jobs.get(session, request.id)
            job, took = jobs.message(row), spent.of_job(session, row.id)
            if took.seconds:
                job.spent.CopyFrom(took.message())
            return job

        return self.scheduler.with_progress(await self.store.read(query))

    async def List(self, request: pb.ListJobsRequest, context: Any) -> pb.ListJobsResponse:
        def query(session: Session) -> pb.ListJobsResponse:
            rows, token = jobs.page(
                session,
                voice=request.voice,
                states=request.states,
                kinds=[jobs.kind_name(kind) for kind in request.kinds],
                token=request.page.token,
                size=request.page.size,
                cleared=request.cleared,
            )
            return pb.ListJobsResponse(
                jobs=[jobs.message(row) for row in rows], next_token=token, counts=jobs.counts(session)
            )

        answer = await self.store.read(query)
        for job in answer.jobs:
            self.scheduler.with_progress(job)
        return answer

    async def Watch(self, request: pb.WatchRequest, context: Any) -> AsyncIterator[pb.Event]:
        cursor = await self.store.read(events.newest) if request.from_now else request.after
        await context.send_initial_metadata(())  # the caller may rely on the cursor from now on
        async for event in self.hub.watch(cursor, request.voice, progress=request.progress):
            yield event

    async def Cancel(self, request: pb.JobRequest, context: Any) -> pb.Job:
        return await self._change(request.id, self.lifecycle.cancel)

    async def Pause(self, request: pb.JobRequest, context: Any) -> pb.Job:
        return await self._change(request.id, jobs.pause)

    async def Resume(self, request: pb.JobRequest, context: Any) -> pb.Job:
        return await self._change(request.id, jobs.resume)

    async def Retry(self, request: pb.JobRequest, context: Any) -> pb.Job:
        def act(session: Session) -> pb.Job:
            return jobs.message(self.lifecycle.retry(session, jobs.get(session, request.id)))

        return await self.store.write(act)

    async def Reorder(self, request: pb.ReorderRequest, context: Any) -> pb.Job:
        def act(session: Session) -> pb.Job:
            job = jobs.get(session, request.id)
            return jobs.message(
                queue_order.reorder(session, job, before=request.before, first=request.first, last=request.last)
            )

        return await self.store.write(act)

    async def Clear(self, request: pb.ClearJobsRequest, context: Any) -> pb.ClearJobsResponse:
        cleared = await self.store.write(cleared_jobs.clear, list(request.ids), list(request.states))
        return pb.ClearJobsResponse(cleared=cleared)

    async def Logs(self, request: pb.LogsRequest, context: Any) -> AsyncIterator[pb.LogLine]:
        async def alive() -> bool:
            return (await self.store.read(jobs.get, request.id)).state not in ENDED

        job = await self.store.read(jobs.get, request.id)
        await asyncio.to_thread(self.logs.claim, job.id, job.submitted)
        live = alive if request.follow else None
        async for line in self.logs.follow(request.id, tail=request.tail, after=request.after, alive=live):
            yield pb.LogLine(
                time=Timestamp(seconds=line["time"] // 10**9, nanos=line["time"] % 10**9),
                level=line["level"],
                level_value=on_wire(Level, line["level"]),
                text=line["text"],
                attempt=line["attempt"],
                cursor=line["end"],
            )

    async def _change(self, id: int, change: Callable[[Session, Job], object]) -> pb.Job:
        """Change a job's row; its worker, if one is at it, hears of it from the scheduler."""

        def act(session: Session) -> pb.Job:
            job = jobs.get(session, id)
            change(session, job)
            return jobs.message(job)

        answer = await self.store.write(act)
        return self.scheduler.with_progress(answer)
