"""The lock that makes a mynad the only one of its home: `flock` on `run/mynad.lock`, held for life.

A pid in a file proves nothing (pids are used again); the kernel lets go of a flock when its holder dies, however it
dies.
"""

from __future__ import annotations

import fcntl
import os
import time
from datetime import datetime
from pathlib import Path

from daemon.errors import MynaError
from proto.lock import holder, lock_path

#: seconds after which a lock is somebody's: clients that look whether it is held have it for a moment
GLANCE = 0.5


class AlreadyRunning(MynaError):
    """Another mynad holds the lock of this home."""

    code = "ALREADY_EXISTS"


class Lock:
    """Held from construction to `release` or the end of the process. Raises AlreadyRunning, saying who holds it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path = lock_path(home)
        self._fd = self._take()

    def keep(self) -> None:
        """Take the lock anew where its file was deleted. Raises AlreadyRunning when another mynad started meanwhile."""
        try:
            if os.path.samestat(self.path.stat(), os.fstat(self._fd)):
                return
        except FileNotFoundError:
            pass
        fresh = self._take()
        os.close(self._fd)
        self._fd = fresh

    def _take(self) -> int:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # close-on-exec is Python's default, and needed: a child that inherited this description would keep the lock
        # after our death
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        until = time.monotonic() + GLANCE
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() < until and holder(self.home) is None:
                    time.sleep(0.01)
                    continue
            said = os.read(fd, 200).decode(errors="replace").split("\n")
            os.close(fd)
            who = f" (process {said[0]}, since {said[1]})" if len(said) > 1 and said[1] else ""
            raise AlreadyRunning(
                f"A mynad already runs for {self.home}{who}.",
                "Use it (`myna status`), end it (`myna down`), or set MYNA_HOME to another folder.",
            )
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n{datetime.now().astimezone():%Y-%m-%d %H:%M:%S}\n".encode(), 0)
        return fd

    def release(self) -> None:
        """Let another mynad start. The file stays: removing it would let two processes lock two files of the same
        name."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
