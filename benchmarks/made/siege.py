"""Watching a mynad from outside while others do it harm: how slowly it answered `System.Info`, and the most memory it
had.

The watch is a process of its own, so that whoever does the harm does not slow the clock:

    python -m benchmarks.made.siege HOME     asks every 50 ms until its standard input ends, then prints its finding as
    JSON
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc

from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs
from proto.home import socket_path

EVERY = 0.05  #: seconds between two questions
PATIENCE = 30.0  #: seconds an answer may take before it counts as none
INFO, MEMORY = 0.2, 200e6  #: bars of every line: seconds an answer takes at most, bytes of mynad at most


@dataclass(frozen=True)
class Finding:
    """What was seen."""

    asked: int = 0
    unanswered: int = 0  #: mynad was there, and did not answer in time or said it could not
    absent: int = 0  #: nobody was there to ask: killed, or starting
    slowest: float = 0.0  #: seconds
    memory: int = 0  #: bytes, the most that any mynad had resident


def joined(findings: Iterable[Finding]) -> Finding:
    """Several as one: counts together, the worst of the rest."""
    each = list(findings)
    asked, unanswered, absent = (sum(getattr(one, name) for one in each) for name in ("asked", "unanswered", "absent"))
    return Finding(asked, unanswered, absent, max(one.slowest for one in each), max(one.memory for one in each))


class Watch:
    """Watches for the length of a block; then `finding` is there."""

    finding = Finding()

    def __init__(self, home: Path) -> None:
        command = [sys.executable, "-m", "benchmarks.made.siege", str(home)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        told, _ = self._process.communicate(timeout=PATIENCE + 30)
        self.finding = Finding(**json.loads(told))


@dataclass(frozen=True)
class Outcome:
    """What a line of the table says."""

    name: str
    count: int
    wanted: int  #: of what is counted, at least
    lost: int
    crashed: int
    finding: Finding
    beside: str = ""  #: further figures
    faults: int = 0  #: whatever else must be 0; `beside` says what

    @property
    def holds(self) -> bool:
        seen = self.finding
        harmless = not (self.lost or self.crashed or self.faults or seen.unanswered)
        return harmless and self.count >= self.wanted and seen.slowest <= INFO and seen.memory <= MEMORY

    def tell(self) -> None:
        """Print the line, and whether it holds."""
        seen = self.finding
        info = f"Info ≤ {seen.slowest:.2f} s of {seen.asked} answers" + (
            f" ({seen.unanswered} unanswered)" if seen.unanswered else ""
        )
        measured = (
            f"{self.count:,} ({self.beside}), {self.lost} lost, {self.crashed} crashed, {info}, "
            f"mynad ≤ {seen.memory / 1e6:.0f} MB"
        )
        bar = f"≥ {self.wanted:,}, 0 lost, 0 crashed, ≤ {INFO:g} s, ≤ {MEMORY / 1e6:.0f} MB"
        print(f"{self.name} · {measured} · {bar} · {'holds' if self.holds else 'falls short'}", flush=True)


def tracebacks(home: Path) -> int:
    """How many there are in mynad's own log."""
    return sum(
        path.read_text(errors="replace").count("Traceback (most recent call last)")
        for path in (home / "log").glob("mynad.log*")
    )


def note(text: str) -> None:
    """A detail, on one line."""
    print(f"# {' '.join(text.split())}"[:400], flush=True)


def main() -> int:
    """Ask until standard input ends."""
    home = Path(sys.argv[1])
    asked = unanswered = absent = memory = 0
    slowest = 0.0
    address = f"unix:{socket_path(home)}"
    options = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 50)]
    with grpc.insecure_channel(address, options=options) as channel:
        info = stubs.SystemStub(channel).Info
        while not select.select([sys.stdin], [], [], EVERY)[0]:
            began = time.perf_counter()
            try:
                pid = info(pb.Empty(), timeout=PATIENCE).pid
            except grpc.RpcError as error:
                gone = error.code() == grpc.StatusCode.UNAVAILABLE  # a daemon that was killed; whoever killed it knows
                absent, unanswered = absent + gone, unanswered + (not gone)
                continue
            asked, slowest = asked + 1, max(slowest, time.perf_counter() - began)
            memory = max(memory, peak(pid))
    json.dump(
        {"asked": asked, "unanswered": unanswered, "absent": absent, "slowest": slowest, "memory": memory}, sys.stdout
    )
    return 0


def peak(pid: int) -> int:
    """Bytes that a process had resident at most; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


if __name__ == "__main__":
    try:
        status = main()
    except KeyboardInterrupt:
        status = 130
    sys.stdout.flush()
    os._exit(status)  # gRPC's threads have nothing to finish
