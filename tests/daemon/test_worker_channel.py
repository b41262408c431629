"""The worker's end: what it makes of commands that follow each other faster than it wakes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from daemon.worker.channel import JobChannel
from proto import worker_pb2 as wire

PATIENCE = 10.0


class Link:
    """The socket of a mynad that answers Yielded with the given commands at once; keeps what was sent."""

    def __init__(self, *answers: wire.Command) -> None:
        self.answers, self.sent = list(answers), list[str]()
        self.channel: JobChannel | None = None

    def send(self, report: wire.Report) -> int:
        self.sent.append(report.WhichOneof("report") or "")
        if report.HasField("yielded") and self.channel is not None:
            answers, self.answers = self.answers, []
            for command in answers:
                self.channel.obey(command)
        return len(self.sent)

    def flush_soon(self) -> None: ...


def test_told_to_go_on_and_at_once_to_give_way_again_it_does_both(tmp_path: Path) -> None:
    """Two sentences follow each other within milliseconds: the training that waits for the first must answer for the
    second, too, or it waits for ever while mynad believes that it runs."""
    again = wire.Command(yield_gpu=wire.YieldGpu(offload=True))
    link: Any = Link(wire.Command(resume=wire.Resume()), again)
    link.channel = channel = JobChannel(link, wire.Start(home=str(tmp_path), job=3, attempt=1))
    channel.obey(wire.Command(yield_gpu=wire.YieldGpu()))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(channel.wait_resumed)
        try:
            assert waiting.result(PATIENCE) == "resume"
            assert channel.pending() == "offload", "the second order is still there to be answered"
        finally:
            channel.obey(wire.Command(cancel=wire.Cancel()))
    assert link.sent == ["yielded", "resumed"]
