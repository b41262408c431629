"""Working behind everybody else: a training beside it must not notice."""

from __future__ import annotations

import ctypes
import os
import platform
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from daemon.database import sqlite
from daemon.state.status import State
from daemon.upkeep import reading
from proto import lock

#: ioprio_set(2) of this process: the class "idle", which gets the disk when nobody else wants it
_CALLS = {"x86_64": 251, "aarch64": 30}
_WHO_PROCESS, _IDLE = 1, 3 << 13


def be_quiet(nice: int) -> None:
    """This niceness, and the disk when nobody else wants it, for the rest of this process's life; 0: as it is."""
    if not nice:
        return
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, max(nice, os.getpriority(os.PRIO_PROCESS, 0)))
    with suppress(OSError):  # where the kernel shares the CPU by session first, the session has to be nice, too
        if os.getsid(0) == os.getpid():
            Path("/proc/self/autogroup").write_text(str(nice))
    call = _CALLS.get(platform.machine())
    if call is not None:
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).syscall(call, _WHO_PROCESS, 0, _IDLE)


#: Bytes a second (0: as fast as it goes), or what says so, asked again and again.
Rate = float | Callable[[], float]
#: Seconds for which an answer counts.
LOOK = 2.0


def beside_jobs(home: Path, rate: float) -> Rate:
    """`rate` while a job is at work, and as fast as it goes while none is. What a mynad that was killed had at work
    died with it, though its row says "running" until the next start."""

    def now() -> float:
        path = home / reading.NAME
        if not path.is_file():
            return 0.0  # a backup is read where there is no home
        if not lock.is_held(home):
            return 0.0
        with suppress(sqlite3.Error), closing(sqlite.opened(path, "ro")) as database:
            at_work = database.execute("SELECT 1 FROM jobs WHERE state = ? LIMIT 1", (State.RUNNING,)).fetchone()
            return rate if at_work else 0.0
        return rate  # who knows

    return now


class Pace:
    """Keeps to a rate."""

    def __init__(self, rate: Rate = 0.0) -> None:
        self._told = rate
        self._rate = 0.0
        self._due = time.monotonic()
        self._look = self._due  #: when to ask for the rate

    def read(self, size: int) -> None:
        """So many bytes were read: wait until more may be."""
        now = time.monotonic()
        if now >= self._look:
            self._rate = self._told() if callable(self._told) else self._told
            self._look = now + LOOK
        if self._rate > 0:
            self._due = max(self._due, now - 1.0) + size / self._rate
            if self._due > now:
                time.sleep(self._due - now)
