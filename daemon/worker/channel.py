"""The worker's end of its socket to mynad: `WorkerSocket` lives as long as the process, `JobChannel` is the
`daemon.worker.job.Channel` of one job on it.

Two threads beside the job's own: one reads commands, one sends heartbeats and what is waiting to be sent. When mynad
closes the socket the process ends at once: whatever is worth keeping was written before it was reported.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from pathlib import Path

from daemon.errors import ERROR_KINDS
from daemon.worker.failures import explain
from daemon.worker.job import Stopped
from engines.errors import Cancelled
from proto import frames
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

HEARTBEAT = 2.0  #: seconds between heartbeats
FLUSH = 0.2  #: seconds that progress and points may wait for company
POINTS = 512  #: points that go out without waiting


class WorkerSocket:
    """The socket, its two threads, and the Start commands that came over it."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._sending = threading.Lock()
        self._changed = threading.Condition()
        self._starts: list[tuple[wire.Start, JobChannel]] = []
        self._unload: int | None = None
        self._channel: JobChannel | None = None
        self._number = 0
        self._buffered = threading.Event()  #: there is something to flush soon
        threading.Thread(target=self._read, name="commands", daemon=True).start()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def hello(self) -> None:
        self.send(wire.Report(hello=wire.Hello(pid=os.getpid())))

    def send(self, report: wire.Report) -> int:
        """Number and send a report; blocks while mynad is not reading. Returns its number."""
        with self._sending:
            self._number += 1
            report.number = self._number
            try:
                self._link.sendall(frames.pack(report))
            except OSError:
                os._exit(1)  # mynad has let go of us
            return self._number

    def next_job(self) -> tuple[wire.Start, JobChannel]:
        """Wait for the next Start; it comes with the job's channel. Between jobs, Unload is obeyed here."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._starts or self._unload is not None)
                if self._starts:
                    return self._starts.pop(0)
                keep, self._unload = self._unload, None
            unload(keep or 0)

    def flush_soon(self) -> None:
        self._buffered.set()

    def _read(self) -> None:
        while True:
            try:
                command = frames.read(self._link.recv, wire.Command)
            except (OSError, ValueError):
                command = None
            if command is None:
                os._exit(0)
            name = command.WhichOneof("command")
            if name == "start":
                with self._changed:
                    # the channel is there before the next command is read: a Stop may follow at once
                    self._channel = JobChannel(self, command.start)
                    self._starts.append((command.start, self._channel))
                    self._changed.notify_all()
            elif name == "unload":
                with self._changed:
                    self._unload = command.unload.keep_bytes
                    self._changed.notify_all()
            elif self._channel is not None:
                self._channel.obey(command)

    def _beat(self) -> None:
        due = time.monotonic()
        while True:
            self._buffered.wait(max(0.0, due - time.monotonic()))
            if self._buffered.is_set():
                time.sleep(FLUSH)
                self._buffered.clear()
                if (channel := self._channel) is not None:
                    channel.flush()
            if time.monotonic() >= due:
                due = time.monotonic() + HEARTBEAT
                self.send(wire.Report(heartbeat=wire.Heartbeat()))


class JobChannel:
    """`daemon.worker.job.Channel` over a `WorkerSocket`. Thread-safe."""

    def __init__(self, worker_socket: WorkerSocket, start: wire.Start) -> None:
        self.home = Path(start.home)
        self.job = start.job
        self.attempt = start.attempt
        self.deaths = {one.what: one.times for one in start.died_of}
        self._socket = worker_socket
        self._changed = threading.Condition()
        self._cancelled = False
        self._stop = False
        self._yield: wire.YieldGpu | None = None
        self._resumed = 0  #: times it was told to go on
        self._acks: set[int] = set()
        self._buffer = threading.Lock()
        self._progress: pb.Progress | None = None
        self._points: dict[int, dict[str, tuple[list[int], list[float]]]] = {}
        self._waiting_points = 0
        self._closed = False
        self._lasted = False  #: mynad was told that this attempt got something done

    # ------------------------------------------------------------------------------------------------- up: to mynad

    def progress(self, done: float, total: float, unit: str, sentence: str = "", eta_seconds: float = 0.0) -> None:
        """Tell how far it is. Only the newest goes out, at most five a second."""
        with self._buffer:
            self._progress = pb.Progress(done=done, total=total, unit=unit, sentence=sentence, eta_seconds=eta_seconds)
        self._socket.flush_soon()

    def points(self, run: int, points: list[tuple[str, int, float]]) -> None:
        """Metric points (name, step, value); they travel in batches."""
        with self._buffer:
            series = self._points.setdefault(run, {})
            for name, step, value in points:
                steps, values = series.setdefault(name, ([], []))
                steps.append(step)
                values.append(value)
            self._waiting_points += len(points)
            full = self._waiting_points >= POINTS
        if full:
            self.flush()
        else:
            self._socket.flush_soon()

    def log(self, level: str, text: str) -> None:
        """A line for the job's log."""
        self._send(wire.Report(log=wire.Log(unix_nanos=time.time_ns(), level=level, text=text)))

    def report(self, report: wire.Report) -> None:
        """Send a report that needs no acknowledgement; what was told before it arrives before it."""
        self.flush()
        self._send(report)

    def lasting(self) -> None:
        """Something is done that the next attempt will find."""
        with self._buffer:
            reported, self._lasted = self._lasted, True
        if not reported:
            self.report(wire.Report(checkpoint=wire.CheckpointSaved()))

    def commit(self, report: wire.Report) -> None:
        """Send a report and wait until mynad has it on disk. Raises Cancelled when told to cancel meanwhile."""
        self.flush()
        number = self._send(report)
        with self._changed:
            self._changed.wait_for(lambda: number in self._acks or self._cancelled)
            if number in self._acks:
                self._acks.discard(number)
                return
        raise Cancelled("Cancelled while its result was being stored.")

    def flush(self) -> None:
        """Send what waits."""
        with self._buffer:  # held while sending: batches must not overtake each other
            progress, self._progress = self._progress, None
            points, self._points = self._points, {}
            self._waiting_points = 0
            if self._closed:
                return
            for run, series in points.items():
                named = [pb.Series(name=name, steps=steps, values=values) for name, (steps, values) in series.items()]
                self._send(wire.Report(points=wire.Points(run=run, series=named)))
            if progress is not None:
                self._send(wire.Report(progress=progress))

    # ------------------------------------------------------------------------------------------------- down: from mynad

    def obey(self, command: wire.Command) -> None:
        """Take note of a command (called by the reading thread)."""
        with self._changed:
            name = command.WhichOneof("command")
            if name == "yield_gpu":
                self._yield = command.yield_gpu
            elif name == "resume":
                self._yield = None
                self._resumed += 1
            elif name == "stop":
                self._stop = True
            elif name == "cancel":
                self._cancelled = True
            elif name == "ack":
                self._acks.add(command.ack.number)
            self._changed.notify_all()

    def pending(self) -> str:
        """What mynad wants, without blocking: "" | "yield" | "offload" | "cancel" | "stop"."""
        with self._changed:
            if self._cancelled:
                return "cancel"
            if self._stop:
                return "stop"
            if self._yield is not None:
                return "offload" if self._yield.offload else "yield"
            return ""

    def check(self) -> None:
        """Call between units of work: raises Cancelled or Stopped, waits while paused."""
        wanted = self.pending()
        if wanted in ("yield", "offload"):
            wanted = self.wait_resumed()
        if wanted == "cancel":
            raise Cancelled("Cancelled.")
        if wanted == "stop":
            raise Stopped

    def wait_resumed(self) -> str:
        """Report Yielded, block until told to go on; returns "resume", "cancel" or "stop".

        Told to give way again before this thread woke, it goes on all the same: mynad waits for an answer to that, too,
        which comes when the job looks next (`pending`)."""
        with self._changed:
            before = self._resumed
        self.report(wire.Report(yielded=wire.Yielded(gpu_bytes=gpu_bytes())))
        with self._changed:
            self._changed.wait_for(
                lambda: self._cancelled or self._stop or self._yield is None or self._resumed > before
            )
            if self._cancelled:
                return "cancel"
            if self._stop:
                return "stop"
        self.report(wire.Report(resumed=wire.Resumed()))
        return "resume"

    # ------------------------------------------------------------------------------------------------- the end

    def done(self, sentence: str) -> None:
        """The job succeeded."""
        self._end(wire.Report(done=wire.Done(sentence=sentence)))

    def failed(self, error: BaseException) -> None:
        """The job ended by this exception."""
        if isinstance(error, Stopped):
            self._end(wire.Report(stopped=wire.Stopped(step=error.step)))
            return
        kind, sentence, hint, stack = explain(error, self.home)
        if stack:
            self.log("error", stack)
        self._end(wire.Report(failed=wire.Failed(kind=ERROR_KINDS[kind], sentence=sentence, hint=hint)))

    def _end(self, report: wire.Report) -> None:
        self.flush()
        with self._buffer:
            self._closed = True
            self._send(report)

    def _send(self, report: wire.Report) -> int:
        report.job = self.job
        return self._socket.send(report)


def gpu_bytes() -> int:
    """GPU memory this process holds, in bytes, as torch knows it (0 without torch or a GPU)."""
    torch = sys.modules.get("torch")  # asked for, never imported: only jobs decide what is heavy
    return int(torch.cuda.memory_reserved()) if torch is not None and torch.cuda.is_available() else 0


def unload(keep_bytes: int) -> None:
    """Have the speaking job give back memory beyond `keep_bytes`, if it was ever loaded."""
    if (speak := sys.modules.get("daemon.kinds.speak.worker")) is not None:
        speak.unload(keep_bytes)
