"""The paper daemon's runs and their points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc

from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs
from tests.tui.stage.growing import GrowingLists
from tests.tui.stage.rows import refuse


class Runs(stubs.RunsServicer):
    """Runs and their points; watchers get what is told later."""

    def __init__(self) -> None:
        self.rows: dict[int, pb.Run] = {}
        self.points: dict[int, dict[str, dict[int, float]]] = {}  #: run → series → step → value
        self.batches: list[tuple[int, pb.PointBatch]] = []  # (run, batch) told while somebody watched
        self.asked: list[pb.PointsRequest] = []
        self._growing = GrowingLists()

    def Get(self, request: pb.RunRequest, context: Any) -> pb.Run:
        if request.id not in self.rows:
            refuse(context, grpc.StatusCode.NOT_FOUND, f"There is no run {request.id}.", "")
        return self.rows[request.id]

    def List(self, request: pb.ListRunsRequest, context: Any) -> pb.ListRunsResponse:
        return pb.ListRunsResponse(runs=[self.rows[number] for number in sorted(self.rows, reverse=True)])

    def Points(self, request: pb.PointsRequest, context: Any) -> pb.PointsResponse:
        self.asked.append(request)
        told = []
        for name, points in self.points.get(request.run, {}).items():
            steps = [step for step in sorted(points) if request.from_step <= step <= (request.to_step or step)]
            if not request.names or name in request.names:
                values = [points[step] for step in steps]
                told.append(
                    pb.Series(name=name, steps=steps, values=values, total=len(steps), cursor=len(self.batches))
                )
        return pb.PointsResponse(series=told)

    def WatchPoints(self, request: pb.WatchPointsRequest, context: Any) -> Iterator[pb.PointBatch]:
        for number, (run, batch) in enumerate(self._growing.follow(self.batches, context), start=1):
            if run == request.run and number > request.after:
                yield batch

    def tell(self, run: int, name: str, points: dict[int, float]) -> None:
        """New points of a run."""
        self.points.setdefault(run, {}).setdefault(name, {}).update(points)
        series = pb.Series(name=name, steps=points.keys(), values=points.values())
        self._growing.add(self.batches, (run, pb.PointBatch(cursor=len(self.batches) + 1, series=[series])))
