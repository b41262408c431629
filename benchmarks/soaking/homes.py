"""A home from outside: its files by folder, its database, and what nobody should have left in it."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

#: names of files and folders that stand for something that is under way, or set aside to be deleted
UNDER_WAY = (".part", ".part.json", ".tmp", ".gone", ".new")
BEGINS = (".tmp-",)
#: folders that are empty when nothing is under way
PASSING = ("recordings/.incoming", "imports")


@dataclass(frozen=True)
class Database:
    """How large it is."""

    bytes: int  #: of the file
    log: int  #: bytes of its write-ahead log
    free: int  #: bytes of pages in the file that nothing is in
    rows: Mapping[str, int]  #: by table
    events: int = 0  #: that there ever were

    @property
    def used(self) -> int:
        """Bytes in which something is."""
        return self.bytes - self.free


def database(home: Path, tables: bool = True) -> Database:
    """As it stands, read beside mynad."""
    path = home / "myna.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10.0)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        wanted = names if tables else ["events", "jobs"]
        rows = {name: int(db.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]) for name in wanted}
        came = db.execute("SELECT max(rowid) FROM events").fetchone()[0] or 0
        (size,) = db.execute("PRAGMA page_size").fetchone()
        (free,) = db.execute("PRAGMA freelist_count").fetchone()
        (pages,) = db.execute("PRAGMA page_count").fetchone()
    return Database(pages * size, _size(home / "myna.db-wal"), free * size, rows, came)


def folders(home: Path) -> dict[str, tuple[int, int]]:
    """(files, bytes) of each folder of the home."""
    files, sizes = Counter[str](), Counter[str]()
    for folder, _, names in os.walk(home):
        first = Path(folder).relative_to(home).parts[:1]
        top = first[0] if first else "."
        files[top] += len(names)
        sizes[top] += sum(_size(Path(folder, name)) for name in names)
    return {name: (files[name], sizes[name]) for name in sorted(files)}


def leftovers(home: Path) -> list[str]:
    """What stands for something under way, where nothing is: paths below the home."""
    return sorted({str(path.relative_to(home)) for path in _leftovers(home)})


def _leftovers(home: Path) -> Iterator[Path]:
    for folder, subfolders, names in os.walk(home):
        for name in (*subfolders, *names):
            if name.endswith(UNDER_WAY) or name.startswith(BEGINS):
                yield Path(folder, name)
    for passing in PASSING:
        if (home / passing).is_dir():
            yield from (home / passing).iterdir()


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
