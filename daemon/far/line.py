"""The relay's end of its socket to mynad: commands come out of a queue, reports and signs of life go in."""

from __future__ import annotations

import os
import queue
import socket
import threading
import time

from proto import frames
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

HEARTBEAT = 2.0  #: seconds
HUNG = 1_800.0  #: seconds in which the main thread must get on: a file system that hangs must not look like work


class Line:
    """As a worker's, but for what becomes of a command. Ends the process when mynad lets go of it."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._sending = threading.Lock()
        self._number = 0
        self._got_on = time.monotonic()
        self.commands: queue.Queue[wire.Command] = queue.Queue()
        self.send(wire.Report(hello=wire.Hello(pid=os.getpid())))
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._beat, daemon=True).start()

    def send(self, report: wire.Report, job: int = 0) -> int:
        """Number and send it; its number. Blocks while mynad is not reading."""
        with self._sending:
            self._number += 1
            report.number, report.job = self._number, job
            try:
                self._link.sendall(frames.pack(report))
            except OSError:
                os._exit(1)
            return self._number

    def goes_on(self) -> None:
        """The main thread got on."""
        self._got_on = time.monotonic()

    def _read(self) -> None:
        while True:
            try:
                command = frames.read(self._link.recv, wire.Command)
            except (OSError, ValueError):
                command = None
            if command is None:
                os._exit(0)  # what it started dies with it
            self.commands.put(command)

    def _beat(self) -> None:
        while time.monotonic() - self._got_on < HUNG:
            time.sleep(HEARTBEAT)
            self.send(wire.Report(heartbeat=wire.Heartbeat()))


def log(level: str, text: str) -> wire.Report:
    """A line for the job's log."""
    return wire.Report(log=wire.Log(unix_nanos=time.time_ns(), level=level, text=text))


def notice(sentence: str, hint: str) -> wire.Report:
    """Something a person should know."""
    return wire.Report(notice=pb.Notice(level_value=pb.LEVEL_WARNING, sentence=sentence, hint=hint))
