"""The Runs service: trainings and their metric points."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy.orm import Session

from daemon.database.store import Store
from daemon.services.errors import plain
from daemon.state import checkpoints, costs, runs
from daemon.state.runs import PointHub
from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs


@plain
class RunsService(stubs.RunsServicer):
    """See the service in proto/myna.proto."""

    def __init__(self, store: Store, hub: PointHub) -> None:
        self.store = store
        self.hub = hub

    async def Get(self, request: pb.RunRequest, context: Any) -> pb.Run:
        def query(session: Session) -> pb.Run:
            row = runs.get(session, request.id)
            return costs.with_spent(session, row, runs.message(session, row))

        return await self.store.read(query)

    async def Checkpoints(self, request: pb.RunRequest, context: Any) -> pb.CheckpointsResponse:
        def query(session: Session) -> pb.CheckpointsResponse:
            row = runs.get(session, request.id)
            return costs.with_joules(session, row, checkpoints.told(session, row))

        return await self.store.read(query)

    async def List(self, request: pb.ListRunsRequest, context: Any) -> pb.ListRunsResponse:
        def query(session: Session) -> pb.ListRunsResponse:
            rows, token = runs.page(session, request.voice, request.page.token, request.page.size)
            return pb.ListRunsResponse(runs=[runs.message(session, row) for row in rows], next_token=token)

        return await self.store.read(query)

    async def Points(self, request: pb.PointsRequest, context: Any) -> pb.PointsResponse:
        series = await self.store.read(
            runs.points, request.run, request.names, request.from_step, request.to_step, request.max_buckets
        )
        return pb.PointsResponse(series=series)

    async def WatchPoints(self, request: pb.WatchPointsRequest, context: Any) -> AsyncIterator[pb.PointBatch]:
        await self.store.read(runs.get, request.run)
        async for batch in self.hub.watch(request.run, request.after, request.names):
            yield batch
