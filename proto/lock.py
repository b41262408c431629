"""Whether a daemon runs for a home, however busy it is, and which process it is: by the lock that it holds for life.

A process id in a file proves nothing (ids are used again), so the kernel is asked whether that process has the lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path


def lock_path(home: Path) -> Path:
    """The file whose lock (flock) the daemon holds. Its first line is the daemon's process id."""
    return home / "run" / "mynad.lock"


def is_held(home: Path) -> bool:
    """Is there a daemon?"""
    try:
        with lock_path(home).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def holder(home: Path) -> int | None:
    """Process id of the daemon. None: there is none, or it cannot be told (another user's, or in another container)."""
    try:
        pid = int(lock_path(home).read_text().split("\n", 1)[0])
        return pid if _has(pid, lock_path(home).stat()) else None
    except (OSError, ValueError):
        return None


def _has(pid: int, file: os.stat_result) -> bool:
    """Does this process have the lock of this file?"""
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):  # closed meanwhile
            if os.path.samestat(os.stat(f"/proc/{pid}/fd/{descriptor}"), file):
                return "FLOCK" in Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text()
    return False
