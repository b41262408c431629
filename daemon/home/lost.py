"""Whether the database of a home seems to be lost, asked before SQLite opens it: an empty file, or a journal without
its database, would be taken for a new home, the journal deleted, and everything that lies in the home forgotten without
a word."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from daemon.errors import MynaError

#: Lies in a home while a backup is put back into it.
RESTORING = "restoring.json"
#: What to do after a database was lost for good; also said where one cannot be used.
ANEW = (
    "Put a copy of it in its place, or move it away (with its -wal and -shm) to start with an "
    "empty one: `myna adopt` then takes in"
)
ANEW += " the recordings and versions that lie here."


def check(database: Path) -> None:
    """Raises MynaError if opening it would hide a loss. A missing database is none: who moves it away wants an empty
    one (and is told after the start what lies there). A home that a backup was not put back into to the end is no home
    yet."""
    if (database.parent / RESTORING).exists():
        hint = f"Restore it once more: it goes on. Or, if what is there will do, delete {RESTORING}."
        raise MynaError(f"A backup was not restored to its end into {database.parent}.", hint)
    journal = database.with_name(f"{database.name}-wal")
    size, written = _size(database), _size(journal)
    if size:
        return
    what = f"{database} is not there" if size is None else f"{database} is empty (0 bytes)"
    if written:
        hint = (
            f"They belong together: put the database back beside it, or move {journal.name} "
            f"to where the database is now."
        )
        raise MynaError(f"{what}, but its journal {journal.name} holds changes. Nothing was changed.", hint)
    if size == 0 and (found := next(contents(database.parent), None)) is not None:
        raise MynaError(f"{what}, but this home is in use: it has {found}. Nothing was changed.", ANEW)


def contents(home: Path) -> Iterator[str]:
    """What a home has that only a database can explain: paths relative to it, of recordings and of versions."""
    for pattern in ("recordings/??/*", "voices/*/*/version.json"):
        for path in home.glob(pattern):
            if path.is_file():
                yield str(path.relative_to(home))


def _size(path: Path) -> int | None:
    """Bytes; None: it is not there."""
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return None
