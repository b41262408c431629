"""Files that are either whole or not there: written aside, fsynced, renamed into place.

A disk that is full or read-only comes out as `DiskFull`, with nothing half-written left under the final name.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from engines.errors import DiskFull

#: What a disk is that nothing can be written to, and what helps, by errno. Linux makes a damaged file system read-only
#: by itself.
_ROOM = ("full", "Free some space, then retry: nothing is lost.")
_CLOSED = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EROFS: (
        "read-only",
        "See why in the kernel's log, and mount it for writing again, then retry: nothing is lost.",
    ),
}
#: What the name of every half-written file or folder starts with, so that a later start can sweep them away.
TEMPORARY = ".tmp-"
#: Seconds after which nobody writes a half-written file any more: whoever did was killed.
ABANDONED = 3_600.0
#: Folders whose names this process has on the disk, and the lock of those who make more.
_safe: set[str] = set()
_making = threading.Lock()


@contextmanager
def disk_full_is_a_sentence(what: str) -> Iterator[None]:
    """Turn "no space left", "quota exceeded" and "read-only" into DiskFull; `what` names the thing that was being
    written."""
    try:
        yield
    except OSError as error:
        if closed := closed_disk(error, what):
            raise closed from error
        raise


def closed_disk(error: BaseException, what: str) -> DiskFull | None:
    """DiskFull, if the error says that nothing can be written to the disk."""
    if not isinstance(error, OSError) or error.errno not in _CLOSED:
        return None
    state, hint = _CLOSED[error.errno]
    return DiskFull(f"The disk is {state}: {what} could not be written.", hint)


def sync_file(path: Path) -> None:
    """Make a file's contents survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: str | bytes | os.PathLike[str]) -> None:
    """Make a folder, and those above it that are missing; their names survive a power cut when this returns.

    One that is there already may have been made by another process a moment ago: each process syncs its name once, and
    that of the one above.
    """
    path = os.path.abspath(os.fsdecode(folder))
    with _making:
        if path in _safe and os.path.isdir(path):
            return
        names = [path, os.path.dirname(path)]
        while not os.path.isdir(os.path.dirname(names[-1])):
            names.append(os.path.dirname(names[-1]))
        missing = {name for name in names if not os.path.isdir(name)}
        os.makedirs(path, exist_ok=True)
        for name in names:
            if name in missing or name not in _safe:
                sync_folder(os.path.dirname(name))
        _safe.update(names)


def sync_folder(folder: str | bytes | os.PathLike[str]) -> None:
    """Make the names inside a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_untouched(paths: Iterable[Path], seconds: float) -> None:
    """Remove the files that nobody changed for so long. One that another process removes meanwhile is none."""
    now = time.time()
    for path in paths:
        try:
            if now - path.stat().st_mtime > seconds:
                path.unlink()
        except FileNotFoundError:
            continue


def write_whole(path: Path, content: bytes, what: str) -> None:
    """Write `content` to `path` so that readers see all of it or the file that was there before. Raises DiskFull."""
    with opened_whole(path, what) as file:
        file.write(content)


@contextmanager
def opened_whole(path: Path, what: str) -> Iterator[BinaryIO]:
    """A file to write: after the block it is `path`, and synced; if the block raises, `path` is as it was. Raises
    DiskFull."""
    aside = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    with disk_full_is_a_sentence(what):
        try:
            with aside.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
