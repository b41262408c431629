"""The lock that makes a mynad the only one of its home: `flock` on `run/mynad.lock`, held for life.

A pid in a file proves nothing (pids are used again); the kernel lets go of a flock when its holder dies, however it dies.
"""

from __future__ import annotations

import fcntl
import os
from datetime import datetime
from pathlib import Path

from daemon.errors import MynaError


class AlreadyRunning(MynaError):
    """Another mynad holds the lock of this home."""

    code = "ALREADY_EXISTS"


class Lock:
    """Held from construction to `release` or the end of the process. Raises AlreadyRunning, saying who holds it."""

    def __init__(self, home: Path) -> None:
        self.path = home / "run" / "mynad.lock"
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # close-on-exec is Python's default, and needed: a child that inherited this description would keep the lock after our death
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._fd, 200).decode(errors="replace").strip()
            os.close(self._fd)
            who = f" ({holder})" if holder else ""
            raise AlreadyRunning(
                f"A mynad already runs for {home}{who}.",
                "Use it (`myna status`), end it (`myna down`), or set MYNA_HOME to another folder.",
            ) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"process {os.getpid()}, since {datetime.now().astimezone():%Y-%m-%d %H:%M:%S}\n".encode(), 0)

    def release(self) -> None:
        """Let another mynad start. The file stays: removing it would let two processes lock two files of the same name."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
