"""Which files lie in the inbox, and which of them have come to rest.

`scan_root` and `scan` list the inbox; `Arrivals` remembers since when each file is as it is. A file has settled when
its size, time and inode have not changed, and no event told of it, for a while. The clock is handed in, so that a
minute can pass in a test.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from daemon.inbox.folder import BehindALink, InboxFolder, below_of
from daemon.names import AUDIO_ENDINGS, is_partial

#: Folders inside each other that are entered; far more than anybody sorts recordings into.
DEEPEST = 32
#: Names looked at in one folder of the inbox at a time: what is known of them must fit into memory.
MOST = 50_000

#: An empty file is usually one that is about to be written: it gets this many times as long.
EMPTY_PATIENCE = 5


@dataclass(frozen=True, slots=True)
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
class Root:
    """What lies directly in the inbox."""

    folders: list[bytes]  #: their names
    loose: list[Entry]  #: files, where no voice is named
    unreadable: str = ""  #: why it could not be listed


@dataclass(frozen=True)
class Listing:
    """What lies in one folder of the inbox, at any depth."""

    entries: list[Entry]
    there: bool = True  #: the folder exists
    unreadable: dict[bytes, str] = field(
        default_factory=dict
    )  #: folders in it that could not be listed ("" is itself), and why
    more: bool = False  #: there is more than `MOST`; the rest is looked at when some of this was taken


def scan_root(inbox: InboxFolder) -> Root:
    """List the inbox itself. Hidden names are left out, links never followed."""
    folders: list[bytes] = []
    loose: list[Entry] = []
    try:
        with inbox.at() as descriptor:
            for found in _listed(descriptor, MOST):
                name = os.fsencode(found.name)
                if name.startswith(b"."):
                    continue
                if found.is_dir(follow_symlinks=False):
                    folders.append(name)
                elif (entry := _entry(found, name)) is not None:
                    loose.append(entry)
    except OSError as error:
        return Root([], [], error.strerror or str(error))
    return Root(folders, loose)


def scan(folder: InboxFolder) -> Listing:
    """List a voice's folder to a depth of `DEEPEST`; what lies deeper is one odd entry. Hidden folders are not entered,
    links are never followed."""
    entries: list[Entry] = []
    unreadable: dict[bytes, str] = {}
    open_: list[tuple[int, bytes, Iterator[os.DirEntry[str]]]] = []
    looked = 0
    try:
        with folder.at() as top:
            open_.append((os.dup(top), b"", iter(())))
        open_[0] = (open_[0][0], b"", iter(_listed(open_[0][0], MOST)))
        while open_ and looked < MOST:
            descriptor, relative, found = open_[-1]
            if (next_ := next(found, None)) is None:
                os.close(open_.pop()[0])
                continue
            looked += 1
            name = os.fsencode(next_.name)
            path = os.path.join(relative, name)
            if not next_.is_dir(follow_symlinks=False) or _is_audio_name(name):
                if (entry := _entry(next_, path)) is not None:
                    entries.append(entry)
            elif len(open_) == DEEPEST:
                if (entry := _entry(next_, path, f"It lies deeper than {DEEPEST} folders.")) is not None:
                    entries.append(entry)
            else:
                try:
                    below = below_of(descriptor, name)
                except (FileNotFoundError, BehindALink):
                    continue
                except OSError as error:
                    unreadable[path] = error.strerror or str(error)
                    continue
                try:
                    open_.append((below, path, iter(_listed(below, MOST - looked))))
                except OSError as error:
                    os.close(below)
                    unreadable[path] = error.strerror or str(error)
    except (FileNotFoundError, BehindALink):
        return Listing([], there=False)
    except OSError as error:
        unreadable[b""] = error.strerror or str(error)
    finally:
        for descriptor, *_ in open_:
            os.close(descriptor)
    return Listing(entries, True, unreadable, more=looked >= MOST)


def _listed(descriptor: int, most: int) -> list[os.DirEntry[str]]:
    """What lies in a folder, by name: at most so many, and of what is hidden only files (they may be copies that
    grow)."""
    with os.scandir(descriptor) as found:
        some = [
            entry
            for entry in islice(found, most)
            if not entry.name.startswith(".") or entry.is_file(follow_symlinks=False)
        ]
    return sorted(some, key=lambda entry: entry.name)


def _entry(found: os.DirEntry[str], path: bytes, odd: str = "") -> Entry | None:
    try:
        facts = found.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    name = os.path.basename(path)
    return Entry(path, facts.st_ino, facts.st_size, facts.st_mtime_ns, odd or _odd(facts.st_mode), is_partial(name))


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


def is_being_written(folder: InboxFolder, path: bytes) -> bool:
    """Whether a process on this machine has the file open for writing: a copy that stalls for longer than the settling
    time.

    Asks for a read lease (fcntl(2)), which the kernel refuses while there is a writer; False where leases are not to be
    had (network mounts, files of others). The lease is given back at once; the signal of a broken one must be ignored
    by the process.
    """
    try:
        with folder.open(path) as file:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            with contextlib.suppress(OSError):
                fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def being_written(folder: InboxFolder, entries: Iterable[Entry]) -> set[bytes]:
    """Those that are open for writing."""
    return {entry.path for entry in entries if is_being_written(folder, entry.path)}


def fixed(folder: InboxFolder, entries: Iterable[Entry]) -> dict[bytes, OSError]:
    """Those that could not be moved out of the inbox, so that they would be taken again and again; and why."""
    found: dict[bytes, OSError] = {}
    rights: dict[bytes, bool] = {}
    for entry in entries:
        parent = os.path.dirname(entry.path)
        with contextlib.suppress(OSError):  # it has gone, or lies behind a link by now: the job finds that out
            if parent not in rights:
                rights[parent] = folder.may_leave(entry.path)
            if not rights[parent]:
                found[entry.path] = PermissionError(errno.EPERM, "A folder there may not be written to")
    return found
