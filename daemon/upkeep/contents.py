"""Which files of a home are in a backup.

What can be made again is not (features, logs, what runs now), what a person can lose is. Bases of engines come from
their publishers, packages in exports/ from the versions they are of, and whoever reads a backup should not get the keys
of the house: those only when asked for. What somebody else put at the top of the home is not Myna's, and is named.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from daemon import names
from daemon.errors import MynaError
from daemon.home.imports import FOLDER as IMPORTS
from daemon.home.set_aside import is_aside
from daemon.settings import NAMING_FILES, Settings, load
from daemon.state.remote_voices import FOLDER as REMOTE
from engines.fast_paths.record import FILE as FAST_PATHS
from engines.files import TEMPORARY

INBOX = "inbox"
#: What mynad's own folders for upkeep are called.
LOST, COPIES, UPKEEP = "lost", "backups", "upkeep"
#: Always in a backup, below the home.
FOLDERS = ("recordings", "clips", "heard", "voices", "samples", "runs", IMPORTS, LOST)
FILES = ("myna.toml", FAST_PATHS)
#: Only when asked for.
BASES, EXPORTS = ("engines", "weights"), ("exports",)
#: Never: made again, about what runs now, or a backup by another name.
NEVER = frozenset(("features", "log", "run", REMOTE, COPIES, UPKEEP, "myna.db", "myna.db-wal", "myna.db-shm"))
#: Ending of what a worker is copying in.
HALF = (".incoming",)


@dataclass(frozen=True)
class Wanted:
    """What a backup is to have beside what is always in it."""

    bases: bool = False
    exports: bool = False
    secrets: bool = False

    def folders(self) -> tuple[str, ...]:
        return (*FOLDERS, *(BASES if self.bases else ()), *(EXPORTS if self.exports else ()))


@dataclass(frozen=True)
class Seen:
    """A file in a home, as the disk tells of it."""

    path: str  #: relative to the home; bytes that are no text as Python's surrogates
    size: int
    mode: int
    mtime: int  #: nanoseconds since 1970, as all times here
    ctime: int
    inode: int

    @classmethod
    def of(cls, path: str, told: os.stat_result) -> Seen:
        return cls(path, told.st_size, stat.S_IMODE(told.st_mode), told.st_mtime_ns, told.st_ctime_ns, told.st_ino)

    def same(self, told: os.stat_result) -> bool:
        """Whether that is still the file, unchanged."""
        return (self.size, self.mtime, self.inode) == (told.st_size, told.st_mtime_ns, told.st_ino)


def kept(home: Path, wanted: Wanted) -> Iterator[Seen]:
    """Every file below the folders that are always in a backup, or asked for; and those beside them. Files that go away
    meanwhile are left out."""
    for name in wanted.folders():
        yield from walked(home, name)
    for name in (*FILES, *(secrets(home) if wanted.secrets else ())):
        yield from one(home, name)


def waiting(home: Path, settle: float) -> Iterator[Seen]:
    """What waits in the inbox: files that nobody has touched for `settle` seconds, refused ones too, and no partial
    ones. (By the time of the last change of any kind: who copies a file may give it an older time of writing.)"""
    still = time.time_ns() - int(settle * 1e9)
    for file in walked(home, INBOX):
        parts = os.fsencode(file.path).split(b"/")[1:]
        partial = any(names.is_partial(part) for part in parts if part != names.REFUSED)
        if not partial and file.ctime <= still:
            yield file


def inbox_folders(home: Path) -> list[str]:
    """Names of the voices' folders in the inbox, which may be empty."""
    return sorted(
        entry.name
        for entry in _listed(home / INBOX)
        if entry.is_dir(follow_symlinks=False) and names.is_voice(os.fsencode(entry.name))
    )


def one(home: Path, name: str) -> Iterator[Seen]:
    """The file, if it is there and is one."""
    try:
        told = os.stat(home / name)
    except OSError:
        return
    if stat.S_ISREG(told.st_mode):
        yield Seen.of(name, told)


def walked(home: Path, name: str) -> Iterator[Seen]:
    """Files below a folder of the home, in the order of their names. The folder itself may be a link to another disk;
    links below it are not followed, and half-written files are none."""
    places = [name]
    while places:
        place = places.pop()
        below = []
        for entry in sorted(_listed(home / place), key=lambda each: each.name):
            if half_written(entry.name):
                continue
            path = f"{place}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                below.append(path)
                continue
            try:
                told = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if stat.S_ISREG(told.st_mode):
                yield Seen.of(path, told)
        places += reversed(below)


def odd(home: Path, wanted: Wanted) -> list[str]:
    """Links and devices below the folders of a backup, which are not in it."""
    found = []
    for name in (*wanted.folders(), INBOX):
        for folder, folders, files in os.walk(home / name):
            for each in (*folders, *files):
                path = os.path.join(folder, each)
                kind = os.lstat(path).st_mode if os.path.lexists(path) else 0
                if kind and not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
                    found.append(os.path.relpath(path, home))
    return sorted(found)


def strange(home: Path) -> list[str]:
    """What lies at the top of the home, is not Myna's, and is not in a backup. (Keys are told of by themselves.)"""
    ours = {*FOLDERS, *FILES, *BASES, *EXPORTS, *NEVER, INBOX, *secrets(home)}
    return sorted(entry.name for entry in _listed(home) if entry.name not in ours and not half_written(entry.name))


def secrets(home: Path) -> list[str]:
    """Files that myna.toml names as its keys and tokens and that lie in the home: paths relative to it."""
    return sorted(
        str(place.relative_to(home)) for place in _named(home) if place.is_relative_to(home) and place.is_file()
    )


def without(home: Path) -> list[Path]:
    """Files that myna.toml names as its keys and tokens and that are not there: mynad may not start without them."""
    return sorted(place for place in _named(home) if not place.exists())


def bare(home: Path) -> list[str]:
    """Notifiers whose URL stands in myna.toml itself, which is always in a backup."""
    settings = _settings(home)
    return [one.name or "without a name" for one in settings.notify if one.url] if settings is not None else []


def _named(home: Path) -> set[Path]:
    if (settings := _settings(home)) is None:
        return set()
    named: list[str] = [getattr(settings, name) for name in NAMING_FILES]
    named += [one.url_file for one in settings.notify]
    named += [one.key_file for one in settings.remote.values()]
    return {Path(os.path.normpath(path)) for path in named if path}


def _settings(home: Path) -> Settings | None:
    try:
        return load(home)
    except MynaError:  # mynad does not start with it either, and says why
        return None


def half_written(path: str) -> bool:
    """Whether it is, or lies in, something that its writer has not finished, or whoever deletes it."""
    return any(part.startswith(TEMPORARY) or part.endswith(HALF) or is_aside(part) for part in path.split("/"))


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    """The entries of a folder; none where there is no such folder (any more)."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
