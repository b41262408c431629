"""What the paper daemon tells of itself and its machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc

from daemon.state.compare import metric_message
from engines.metrics.table import METRICS
from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs
from tests.tui.stage.growing import GrowingLists
from tests.tui.stage.rows import NOW, refuse


class System(stubs.SystemServicer):
    def __init__(self) -> None:
        self.info = pb.InfoResponse(
            version="0.1.0", home="/somewhere", started=NOW, jobs={"succeeded": 450}, cursor=100, pid=1
        )

        self.estimate = pb.EstimateResponse(steps=4_000, seconds=3_120.0, gpu_memory=8_100_000_000, disk=1_200_000_000)
        self.idle = pb.IdleResponse(do="nothing")
        self.samples: list[pb.SystemSample] = []
        self.asked = 0  # times that somebody wanted to know how it is
        self._growing = GrowingLists()

    def Info(self, request: pb.Empty, context: Any) -> pb.InfoResponse:
        self.asked += 1
        told = pb.InfoResponse()
        told.CopyFrom(self.info)
        told.metrics.extend(metric_message(info) for info in METRICS.values())
        return told

    def Watch(self, request: pb.SystemWatchRequest, context: Any) -> Iterator[pb.SystemSample]:
        yield from self._growing.follow(self.samples, context)

    def Estimate(self, request: pb.EstimateRequest, context: Any) -> pb.EstimateResponse:
        if not request.spec.voice:
            refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "Which voice?", "There are: anna.")
        return self.estimate

    def Metrics(self, request: pb.Empty, context: Any) -> pb.MetricsResponse:
        return pb.MetricsResponse(text=b"myna_voices 1.0\n", content_type="text/plain; version=0.0.4; charset=utf-8")

    def Idle(self, request: pb.Empty, context: Any) -> pb.IdleResponse:
        return self.idle

    def tell(self, sample: pb.SystemSample) -> None:
        """A new sample of the machine."""
        self._growing.add(self.samples, sample)
