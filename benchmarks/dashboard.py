"""The dashboard in a real pseudo-terminal of 200×50, on a real mynad with a run of 1,000,000 points that goes on at ten
a second.

Between dashboard and daemon stands a relay that counts the bytes of the wire. First paint is from exec to the first
pane that is drawn; a key's paint is the row that it moves to; a chart is complete when its title, its lines and its
best are drawn. The soak is a worker that sends as fast as it may: as many points as a day at ten a second has.

    python -m benchmarks.dashboard [--points 1000000] [--steady 20] [--soak 864000]
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
import pty
import random
import select
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.mynad import cpu_seconds, resident
from daemon.worker.job import Channel
from proto import myna_pb2 as pb
from proto.client import Client, connect

COLUMNS, ROWS = 200, 50
RATE = 10.0  #: live updates a second
EVERY = 100  #: train losses to one held-out loss
MYNAD, WORKER = "--as-mynad", "--as-worker"
PATIENCE = 60.0  #: seconds something may take before it is given up
LONG, SHORT = 1, 2  #: numbers of the two runs


# ---------------------------------------------------------------------------------------------------- the daemon's side


def send(plan: Any, channel: Channel) -> str:
    """What the worker does: so many points from such a step on, so many a second (0: as fast as they go)."""
    first, count, rate = plan.files[0].decode().split()
    due = time.monotonic()
    for step in range(int(first), int(first) + int(count)):
        channel.points(LONG, [("train/loss", step, 0.5 + random.random() * 0.1)])
        if step % EVERY == 0:
            channel.points(LONG, [("held_out/loss", step, 0.6 + random.random() * 0.01)])
        channel.progress(step, int(first) + int(count), "steps", eta_seconds=60.0)
        if float(rate):
            due += 1 / float(rate)
            time.sleep(max(0.0, due - time.monotonic()))
    return "sent"


def mynad(home: Path) -> None:
    """A mynad whose workers are this program."""
    from daemon.processes.launcher import Launcher

    launcher = Launcher(home)  # before gRPC, as always
    asyncio.run(_mynad(home, launcher))


async def _mynad(home: Path, launcher: Any) -> None:
    from daemon import settings
    from daemon.main import Daemon

    await Daemon(home, settings.load(home), launcher, (sys.executable, "-m", "benchmarks.dashboard", WORKER)).serve()


def fill(home: Path, points: int) -> None:
    """A voice, a long run and a short one with their trainings, and thirty jobs that a person put on hold."""
    import math

    from sqlalchemy import text

    from daemon.database.models import Job, Run, Voice, now
    from daemon.database.store import opened
    from daemon.state import point_blocks, runs

    insert = text("INSERT INTO points (series, step, value) VALUES (:series, :step, :value)")

    def job(number: int, state: str, run: int | None) -> Job:
        spec = pb.JobSpec(train=pb.TrainSpec(voice="anna")).SerializeToString()
        held = {"paused_since": now(), "paused_by_person": True} if state == "paused" else {"ended": now()}
        return Job(
            id=number, kind="train", voice="anna", title=f"training number {number}", spec=spec, gpu_lane=True,
            priority=10, run=run, place=float(number), state=state, submitted=now(), queued_since=now(), started=now(),
            **held,
        )  # fmt: skip

    def rows(session: Any) -> None:
        session.add(Voice(name="anna", language="en", engine="glow", options={}, created=now()))
        session.add_all(
            Run(id=n, voice="anna", engine="glow", job=n, dataset=1, settings={}, result={}) for n in (LONG, SHORT)
        )
        session.add_all([job(LONG, "succeeded", LONG), job(SHORT, "succeeded", SHORT)])
        session.add_all(job(number, "paused", None) for number in range(101, 131))
        session.flush()
        session.get(Run, SHORT).ended = now()
        runs.add_points(session, SHORT, [pb.Series(name="train/loss", steps=range(100), values=[1.0] * 100)])
        chance = random.Random(1)
        steps = points * EVERY // (EVERY + 1)
        for name, every, noise in (("train/loss", 1, 0.2), ("held_out/loss", EVERY, 0.02)):
            runs.add_points(session, LONG, [pb.Series(name=name, steps=[0], values=[3.0])])
            series = session.execute(text("SELECT max(id) FROM series")).scalar()
            values = (
                0.5 + 2.5 * math.exp(-5 * step / steps) + noise * chance.random() for step in range(1, steps, every)
            )
            told = [{"series": series, "step": 1 + n * every, "value": value} for n, value in enumerate(values)]
            session.connection().execute(insert, told)
        point_blocks.refresh_all(session)
        session.get(Run, LONG).step = steps

    with opened(home) as store:
        store.write_now(rows)


# ------------------------------------------------------------------------------------------------------ between them


class Relay:
    """A Unix socket that passes everything on to another, and counts the bytes that come back."""

    def __init__(self, here: Path, there: Path) -> None:
        here.parent.mkdir(parents=True, exist_ok=True)
        self.there = there
        self.received = 0  #: bytes from the daemon to the dashboard
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(here))
        self._listener.listen(8)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            far = socket.socket(socket.AF_UNIX)
            far.connect(str(self.there))
            threading.Thread(target=self._pass, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(far, near, True), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, back: bool) -> None:
        try:
            while data := source.recv(65_536):
                self.received += len(data) if back else 0
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            end.close()


# ------------------------------------------------------------------------------------------------- the dashboard's side


@dataclass
class Terminal:
    """`myna` in a pseudo-terminal, and what it wrote."""

    home: Path
    pid: int = 0
    fd: int = -1
    started: float = 0.0
    written: int = 0  #: bytes so far
    tail: bytes = b""
    chunks: list[tuple[float, int]] = field(default_factory=list)  #: (moment, bytes) of each read

    def open(self) -> None:
        """Start it."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("MYNA_") and name != "NO_COLOR"
        }
        environment |= {"MYNA_HOME": str(self.home), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.started = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
            os.execve(sys.executable, [sys.executable, "-m", "tui.cli"], environment)

    def read(self, seconds: float) -> bytes:
        """What it writes within so many seconds, at most one read."""
        if not select.select([self.fd], [], [], max(seconds, 0.0))[0]:
            return b""
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError:
            raise SystemExit("the dashboard ended: " + self.tail.decode("utf-8", "replace")[-2_000:]) from None
        self.written += len(data)
        self.tail = (self.tail + data)[-200_000:]
        return data

    def until(self, words: bytes, patience: float = PATIENCE) -> float:
        """Read until it has written the words (from now on); the moment."""
        seen, end = b"", time.perf_counter() + patience
        while time.perf_counter() < end:
            data = self.read(end - time.perf_counter())
            seen += data
            if words in seen:
                return time.perf_counter()
        raise SystemExit(f"{words!r} was not drawn within {patience:.0f} s")

    def drain(self, seconds: float) -> None:
        """Read for so long."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left)

    def press(self, keys: bytes) -> float:
        """Type; the moment."""
        moment = time.perf_counter()
        os.write(self.fd, keys)
        return moment

    def close(self) -> None:
        """Quit it."""
        os.write(self.fd, b"q")
        try:
            while self.read(5.0):
                pass
        except SystemExit:
            pass
        os.waitpid(self.pid, 0)
        os.close(self.fd)

    def open_files(self) -> int:
        """File descriptors it holds."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))


# ----------------------------------------------------------------------------------------------------- what is measured


def bar(name: str, measured: str, wanted: str, holds: bool) -> None:
    """Print a line of the table."""
    print(f"{name} · {measured} · {wanted} · {'holds' if holds else 'falls short'}", flush=True)


def first_paint(home: Path, runs: int = 5) -> None:
    """From exec to the first pane."""
    took, cpu = [], []
    for _ in range(runs):
        terminal = Terminal(home)
        terminal.open()
        took.append(terminal.until(b"Queue") - terminal.started)
        cpu.append(cpu_seconds(terminal.pid))
        terminal.drain(1.0)
        terminal.close()
    median = statistics.median(took)
    # of a busy machine only the CPU time is ours
    beside = f"best {min(took):.2f} s, CPU {statistics.median(cpu):.2f} s, load of the machine {os.getloadavg()[0]:.1f}"
    bar(f"dashboard, first paint, median of {runs}", f"{median:.2f} s ({beside})", "≤ 0.6 s", median <= 0.6)


def opening(terminal: Terminal, relay: Relay, points: int, mynad: int) -> None:
    """The long run is opened from the list of runs: from the key to the whole chart."""
    terminal.press(b"6")
    terminal.until(b"run 2 ")
    terminal.drain(1.5)
    used = cpu_seconds(terminal.pid) + cpu_seconds(mynad)
    before, began = relay.received, terminal.press(b"j")
    drawn = terminal.until("★".encode()) - began  # the short run has no held-out loss, so no best
    used = cpu_seconds(terminal.pid) + cpu_seconds(mynad) - used
    terminal.drain(0.3)
    wire = relay.received - before
    bar(f"dashboard, opening a run of {points:,} points", f"{drawn:.2f} s (CPU {used:.2f} s)", "≤ 0.6 s", drawn <= 0.6)
    bar("dashboard, wire for that", f"{wire / 1e3:.0f} kB", "≤ 200 kB", wire <= 200_000)


def steady(terminal: Terminal, relay: Relay, seconds: float) -> None:
    """Nobody presses a key; the run goes on."""
    terminal.press(b"1")
    terminal.drain(3.0)
    cpu, written, received, began = cpu_seconds(terminal.pid), terminal.written, relay.received, time.perf_counter()
    terminal.drain(seconds)
    took = time.perf_counter() - began
    share, flow = (cpu_seconds(terminal.pid) - cpu) / took, (terminal.written - written) / took
    print(f"# wire meanwhile: {(relay.received - received) / took / 1e3:.1f} kB/s")
    bar("dashboard, steady CPU", f"{share:.1%} of a core", "≤ 5 %", share <= 0.05)
    bar("dashboard, steady bytes to the terminal", f"{flow / 1e3:.1f} kB/s", "≤ 8 kB/s", flow <= 8_000)
    memory = resident(terminal.pid)
    bar("dashboard, memory", f"{memory / 1e6:.0f} MB", "≤ 150 MB", memory <= 150e6)


def keys(terminal: Terminal, presses: int = 100) -> None:
    """From a key to the paint of the row it moves to, while the run goes on."""
    terminal.press(b"g")
    terminal.drain(0.5)
    took, row, down = [], 0, True
    chance = random.Random(2)
    for _ in range(presses):
        row += 1 if down else -1
        words = b"training number %d" % (100 + row) if row else b"take "
        began = terminal.press(b"j" if down else b"k")
        took.append(terminal.until(words, 5.0) - began)
        down = True if row == 0 else False if row == 8 else down
        terminal.drain(chance.uniform(0.05, 0.25))
    took.sort()
    late = took[int(len(took) * 0.95)]
    print(f"# key to paint, median {statistics.median(took) * 1e3:.0f} ms, worst {took[-1] * 1e3:.0f} ms")
    bar("dashboard, key to paint, p95", f"{late * 1e3:.0f} ms", "≤ 30 ms", late <= 0.03)


def soak(terminal: Terminal, client: Client, first: int, count: int) -> None:
    """A day's updates as fast as they come."""
    terminal.press(b"g")
    early = max(count // 5, 1)
    warm = client.submit(ingest(first, early, 0.0))
    _watch(terminal, client, warm.id)
    memory, files = resident(terminal.pid), terminal.open_files()
    rest = client.submit(ingest(first + early, count - early, 0.0))
    began = time.perf_counter()
    _watch(terminal, client, rest.id)
    grown, more = resident(terminal.pid) - memory, terminal.open_files() - files
    print(f"# soak: {count:,} updates, the last {count - early:,} in {time.perf_counter() - began:.0f} s")
    bar(f"dashboard, memory grown over {count:,} updates", f"{grown / 1e6:+.1f} MB", "≤ +5 MB", grown <= 5e6)
    bar("dashboard, files opened and not closed", f"{more:+d}", "≤ 0", more <= 0)


def ingest(first: int, count: int, rate: float) -> pb.JobSpec:
    """A job for our worker."""
    return pb.JobSpec(ingest=pb.IngestSpec(voice="anna", files=[f"{first} {count} {rate}".encode()]))


def _watch(terminal: Terminal, client: Client, job: int) -> None:
    while client.job(job).status.WhichOneof("status") in ("queued", "running"):
        terminal.drain(0.5)
    terminal.drain(3.0)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--steady", type=float, default=20.0)
    parser.add_argument("--soak", type=int, default=864_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="myna-") as folder:
        home, near = Path(folder) / "far", Path(folder) / "near"
        home.mkdir()
        fill(home, asked.points)
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.dashboard", MYNAD, str(home)], stderr=subprocess.DEVNULL
        )
        try:
            with connect(home=home) as client:
                client.wait_ready(PATIENCE)
                relay = Relay(near / "run" / "mynad.sock", home / "run" / "mynad.sock")
                first = asked.points
                live = client.submit(ingest(first, 1_000_000, RATE))
                first_paint(near)
                terminal = Terminal(near)
                terminal.open()
                terminal.until(b"Queue")
                terminal.drain(2.0)
                opening(terminal, relay, asked.points, process.pid)
                steady(terminal, relay, asked.steady)
                keys(terminal)
                client.cancel(live.id)
                if asked.soak:
                    soak(terminal, client, first + 100_000, asked.soak)
                terminal.close()
        finally:
            process.terminate()
            process.wait(60)
    return 0


if __name__ == "__main__":
    if MYNAD in sys.argv:
        mynad(Path(sys.argv[-1]))
    elif WORKER in sys.argv:
        from daemon.worker import __main__ as worker

        worker.main(lambda kind: send)
    else:
        raise SystemExit(main())
