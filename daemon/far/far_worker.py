"""The real worker, as the agent beside it sees it: commands go in, reports and printed lines come out of one queue."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from daemon.processes.launcher_program import WORKER_SOCKET, end_group
from proto import frames
from proto import worker_pb2 as wire

LINE = 10_000  #: characters of a printed line that are kept


class FarWorker:
    """One worker process. `reports` gives its reports, printed lines as Log reports, and None once it has ended and all
    is said; then `code` is its exit code, as `subprocess` has it."""

    def __init__(self, program: Sequence[str], environment: Mapping[str, str]) -> None:
        """`program`: what Python is given. Call in the main thread: the worker dies with the thread that started it."""
        ours, theirs = socket.socketpair()
        output, output_in = os.pipe2(os.O_CLOEXEC)
        try:
            self.pid = os.posix_spawn(
                sys.executable,
                [sys.executable, *program],
                {**environment, "MYNA_LAUNCHER": str(os.getpid())},
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, output_in, 1),
                    (os.POSIX_SPAWN_DUP2, output_in, 2),
                    (os.POSIX_SPAWN_DUP2, theirs.fileno(), WORKER_SOCKET),
                ],
                setsid=True,
            )
        finally:
            theirs.close()
            os.close(output_in)
        self.code = 0
        self.reports: queue.Queue[wire.Report | None] = queue.Queue()
        self._link = ours
        self._ended = False
        self._threads = [
            threading.Thread(target=self._read, daemon=True),
            threading.Thread(target=self._listen, args=(output,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        threading.Thread(target=self._wait, daemon=True).start()

    def send(self, command: wire.Command) -> None:
        """A dead worker hears nothing."""
        with contextlib.suppress(OSError):
            self._link.sendall(frames.pack(command))

    def kill(self) -> None:
        """It, and all that it started."""
        if not self._ended:
            end_group(self.pid, signal.SIGKILL)

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while (report := frames.read(self._link.recv, wire.Report)) is not None:
                self.reports.put(report)

    def _listen(self, output: int) -> None:
        with os.fdopen(output, "rb") as lines:
            for line in lines:
                text = line.decode(errors="replace").rstrip().rsplit("\r", 1)[-1][:LINE]
                if text:
                    self.reports.put(wire.Report(log=wire.Log(unix_nanos=time.time_ns(), level="info", text=text)))

    def _wait(self) -> None:
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        end_group(self.pid)  # before the pid is given back: what it started
        self._ended = True
        _, status = os.waitpid(self.pid, 0)
        self.code = os.waitstatus_to_exitcode(status)
        for thread in self._threads:
            thread.join(2.0)  # something may still hold the pipe
        self._link.close()
        self.reports.put(None)


def environment(named: Mapping[str, str], left_out: Sequence[str], home: Path, stands_for_home: str) -> dict[str, str]:
    """This process's, with `named` over it and without `left_out`."""
    inherited = {name: value for name, value in os.environ.items() if name not in left_out}
    said = {name: value.replace(stands_for_home, str(home)) for name, value in named.items()}
    return {**inherited, **said, "MYNA_HOME": str(home)}
