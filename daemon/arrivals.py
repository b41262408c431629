"""Which files lie in the inbox, and which of them have come to rest.

`scan` lists the inbox; `Arrivals` remembers since when each file is as it is. A file has settled when its size, time and inode have not
changed, and no event told of it, for a while. The clock is handed in, so that a minute can pass in a test.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from daemon.names import AUDIO_ENDINGS, is_partial

#: An empty file is usually one that is about to be written: it gets this many times as long.
EMPTY_PATIENCE = 5


@dataclass(frozen=True)
class Entry:
    """A file (or what should not be there) in a folder of the inbox."""

    path: bytes  #: relative to its voice's folder
    inode: int
    size: int
    mtime: int  #: nanoseconds
    odd: str = ""  #: why it can be no recording, whatever is in it: a sentence
    partial: bool = False  #: named as unfinished

    @property
    def identity(self) -> tuple[int, int, int]:
        """Changes when the file does."""
        return (self.inode, self.size, self.mtime)


@dataclass(frozen=True)
class Listing:
    """What lies in the inbox."""

    folders: dict[bytes, list[Entry]]  #: by name of the voice's folder
    loose: list[Entry]  #: directly in the inbox, where no voice is named
    unreadable: dict[bytes, str] = field(default_factory=dict)  #: folders that could not be listed, and why


def scan(inbox: bytes) -> Listing:
    """List the inbox to any depth. Hidden folders are not entered, links are never followed."""
    folders: dict[bytes, list[Entry]] = {}
    loose: list[Entry] = []
    unreadable: dict[bytes, str] = {}
    for found in _listed(inbox, unreadable):
        if found.name.startswith(b"."):
            continue
        if found.is_dir(follow_symlinks=False):
            folders[found.name] = list(_walk(found.path, b"", unreadable))
        elif (entry := _entry(found, b"")) is not None:
            loose.append(entry)
    return Listing(folders, loose, unreadable)


def _walk(folder: bytes, relative: bytes, unreadable: dict[bytes, str]) -> Iterator[Entry]:
    for found in _listed(folder, unreadable):
        if found.name.startswith(b"."):
            if found.is_file(follow_symlinks=False) and (entry := _entry(found, relative)) is not None:
                yield entry
            continue
        if found.is_dir(follow_symlinks=False) and not _is_audio_name(found.name):
            yield from _walk(found.path, os.path.join(relative, found.name), unreadable)
        elif (entry := _entry(found, relative)) is not None:
            yield entry


def _listed(folder: bytes, unreadable: dict[bytes, str]) -> list[os.DirEntry[bytes]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        return []
    except OSError as error:
        unreadable[folder] = error.strerror or str(error)
        return []


def _entry(found: os.DirEntry[bytes], relative: bytes) -> Entry | None:
    try:
        facts = found.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    path = os.path.join(relative, found.name)
    return Entry(path, facts.st_ino, facts.st_size, facts.st_mtime_ns, _odd(facts.st_mode), is_partial(found.name))


def _odd(mode: int) -> str:
    if stat.S_ISREG(mode):
        return ""
    if stat.S_ISLNK(mode):
        return "It is a link, and links are not followed."
    if stat.S_ISDIR(mode):
        return "It is a folder that is named like a recording."
    return "It is no ordinary file."


def _is_audio_name(name: bytes) -> bool:
    return os.path.splitext(name)[1].lower() in AUDIO_ENDINGS


class Arrivals:
    """Since when the files of one folder are as they are."""

    def __init__(self, settle: float) -> None:
        self.settle = settle  #: seconds
        self._since: dict[bytes, tuple[tuple[int, int, int], float]] = {}

    def update(self, entries: Iterable[Entry], now: float, touched: Iterable[bytes] = ()) -> None:
        """Take note of a listing, and of files that events told of."""
        changed = set(touched)
        before, self._since = self._since, {}
        for entry in entries:
            known = before.get(entry.path)
            same = known is not None and known[0] == entry.identity and entry.path not in changed
            self._since[entry.path] = known if same and known is not None else (entry.identity, now)

    def left(self, entry: Entry, now: float) -> float:
        """Seconds until it has settled, if nothing more happens to it; 0: it has."""
        known = self._since.get(entry.path)
        wanted = self.settle * (EMPTY_PATIENCE if not entry.size and not entry.odd else 1)
        return wanted if known is None else max(0.0, known[1] + wanted - now)

    def rested(self, entry: Entry, now: float) -> float:
        """Seconds since it has settled."""
        known = self._since.get(entry.path)
        return 0.0 if known is None else max(0.0, now - known[1] - self.settle)

    def restart(self, path: bytes, now: float) -> None:
        """It turned out to be still written to: its clock starts again."""
        if (known := self._since.get(path)) is not None:
            self._since[path] = (known[0], now)


def is_being_written(path: bytes) -> bool:
    """Whether a process on this machine has the file open for writing: a copy that stalls for longer than the settling time.

    Asks for a read lease (fcntl(2)), which the kernel refuses while there is a writer; False where leases are not to be had (network
    mounts, files of others). The lease is given back at once; the signal of a broken one must be ignored by the process.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False
