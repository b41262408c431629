"""The paper daemon's runs and their points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc

from daemon.state.compare import metric_message
from engines.metrics.table import METRICS
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
        self.checkpoints: dict[int, pb.CheckpointsResponse] = {}  #: by run
        self._growing = GrowingLists()

    def Get(self, request: pb.RunRequest, context: Any) -> pb.Run:
        if request.id not in self.rows:
            refuse(context, grpc.StatusCode.NOT_FOUND, f"There is no run {request.id}.", "")
        return self.rows[request.id]

    def Checkpoints(self, request: pb.RunRequest, context: Any) -> pb.CheckpointsResponse:
        waits = f"Run #{request.id} goes on: its checkpoints are heard at its end."
        return self.checkpoints.get(
            request.id, pb.CheckpointsResponse(sentence=waits, not_heard=pb.NOT_HEARD_NOT_YET, voice="anna")
        )

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


def heard() -> pb.CheckpointsResponse:
    """Four checkpoints of a run; the third sounds better than the one with the lowest loss."""
    rows = (
        (0, 1.31, {"similarity": 0.742, "wer": 0.21, "dnsmos": 3.02, "f0_semitones": 1.4}, (-0.6, -1.1, -0.1)),
        (1_000, 0.96, {"similarity": 0.801, "wer": 0.14, "dnsmos": 3.1, "f0_semitones": 0.9}, (0.1, -0.2, 0.4)),
        (2_000, 0.87, {"similarity": 0.843, "wer": 0.08, "dnsmos": 3.15, "f0_semitones": 0.6}, (0.7, 0.3, 1.1)),
        (2_600, 0.84, {"similarity": 0.815, "wer": 0.11, "dnsmos": 3.12, "f0_semitones": 0.7}, None),
    )
    found = pb.CheckpointsResponse(
        sentence="Each said 6 lines that are not held out. "
        "Step 2000 sounds better than step 2600, which has the lowest held-out loss.",
        lines=[
            pb.CheckpointLine(name=name * 64, text=text, steps=[step for step, *_ in rows])
            for name, text in (
                ("a", "The clock at the station has been four minutes slow for years."),
                ("b", "Can you tell me which is the shortest way to the harbour?"),
                ("c", "At the market she bought apples, cheese and a bunch of tulips, and then she went home by bus."),
            )
        ],
        infos=[metric_message(info) for info in METRICS.values()],
        voice="anna",
    )
    for step, loss, scores, score in rows:
        gain = (1.31 - loss) / 1.31 * 100
        one = pb.Checkpoint(step=step, loss=loss, metrics=scores, chosen=step == 2_000, lowest_loss=step == 2_600)
        if step:
            one.gain = gain
        if score is not None:
            one.score, one.low, one.high = score
        found.checkpoints.append(one)
    return found
