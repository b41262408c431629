"""A job's channel whose other end is a list: what a daemon would have heard, and what it would have ordered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from daemon.worker.job import Stopped
from engines.errors import Cancelled
from proto import worker_pb2 as wire


class Recorded:
    """`daemon.worker.job.Channel`. `orders` is asked on every look and says what the daemon wants."""

    def __init__(self, home: Path, orders: Callable[[Recorded], str] = lambda channel: "") -> None:
        self.home, self.job, self.attempt = home, 1, 1
        self.orders = orders
        self.reports: list[wire.Report] = []
        self.at: list[int] = []  #: how many progress reports came before each of them
        self.committed: list[wire.Report] = []
        self.told: list[tuple[float, float, str]] = []  #: (done, total, unit)
        self.said: list[str] = []  #: the sentence of each of them
        self.curves: dict[str, dict[int, float]] = {}
        self.lines: list[str] = []
        self.waited = 0
        self.lasted = 0

    def progress(self, done: float, total: float, unit: str, sentence: str = "", eta_seconds: float = 0.0) -> None:
        self.told.append((done, total, unit))
        self.said.append(sentence)

    def log(self, level: str, text: str) -> None:
        self.lines.append(f"{level}: {text}")

    def points(self, run: int, points: list[tuple[str, int, float]]) -> None:
        for name, step, value in points:
            self.curves.setdefault(name, {})[step] = value

    def report(self, report: wire.Report) -> None:
        self.reports.append(report)
        self.at.append(len(self.told))

    def lasting(self) -> None:
        self.lasted += 1

    def commit(self, report: wire.Report) -> None:
        self.committed.append(report)

    def pending(self) -> str:
        return self.orders(self)

    def check(self) -> None:
        match self.pending():
            case "cancel":
                raise Cancelled("Cancelled.")
            case "stop":
                raise Stopped
            case "yield" | "offload":
                self.wait_resumed()

    def wait_resumed(self) -> str:
        self.waited += 1
        return "resume"
