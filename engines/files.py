"""Files that are either whole or not there: written aside, fsynced, renamed into place.

A full disk comes out as `DiskFull`, with nothing half-written left under the final name.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engines.errors import DiskFull

_FULL = {errno.ENOSPC, errno.EDQUOT}
#: What the name of every half-written file or folder starts with, so that a later start can sweep them away.
TEMPORARY = ".tmp-"


@contextmanager
def disk_full_is_a_sentence(what: str) -> Iterator[None]:
    """Turn "no space left" and "quota exceeded" into DiskFull; `what` names the thing that was being written."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull(f"The disk is full: {what} could not be written.", "Free some space, then retry: nothing is lost.") from error
        raise


def sync_file(path: Path) -> None:
    """Make a file's contents survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names inside a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, content: bytes, what: str) -> None:
    """Write `content` to `path` so that readers see all of it or the file that was there before. Raises DiskFull."""
    aside = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    with disk_full_is_a_sentence(what):
        try:
            with aside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
