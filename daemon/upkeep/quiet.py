"""Working behind everybody else: a training beside it must not notice."""

from __future__ import annotations

import ctypes
import os
import platform
import time
from contextlib import suppress
from pathlib import Path

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


class Pace:
    """Keeps to so many bytes a second (0: as fast as it goes)."""

    def __init__(self, rate: float = 0.0) -> None:
        self._rate = rate
        self._due = time.monotonic()

    def read(self, size: int) -> None:
        """So many bytes were read: wait until more may be."""
        if self._rate > 0:
            now = time.monotonic()
            self._due = max(self._due, now - 1.0) + size / self._rate
            if self._due > now:
                time.sleep(self._due - now)
