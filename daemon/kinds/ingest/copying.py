"""A copy of a file that people may still change: synced, and known to be of the file that was looked at."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

#: Bytes copied between two waits for the disk, so that none of them is long.
SYNCED = 32 << 20


@dataclass(frozen=True)
class Identity:
    """What must not have changed for a file to be the same as before."""

    inode: int
    size: int
    mtime: int  #: nanoseconds

    def key(self, file: bytes) -> bytes:
        """What the file is called in At reports: another one under its name has another key."""
        return b"%s\0%d %d %d" % (file, self.inode, self.size, self.mtime)

    @classmethod
    def of(cls, found: os.stat_result) -> Identity:
        return cls(found.st_ino, found.st_size, found.st_mtime_ns)


def copy_synced(original: BinaryIO, copy: Path, alive: Callable[[], None]) -> str:
    """Copy an open file; synced to the disk. Returns the SHA-256 of its bytes. `alive` is called now and then, and may
    raise."""
    digest = hashlib.sha256()
    waiting = 0
    with copy.open("xb") as out:
        while data := original.read(1 << 20):
            digest.update(data)
            out.write(data)
            waiting += len(data)
            if waiting >= SYNCED:
                waiting = 0
                out.flush()
                os.fdatasync(out.fileno())
            alive()
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()
