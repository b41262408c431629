"""Copies of the database from before it was brought to a newer schema: `backups/myna.db.before-0018`. The way back, for
who installs the older Myna again."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection
from contextlib import closing, suppress
from pathlib import Path

from daemon.database import sqlite
from daemon.errors import DiskFull
from engines.errors import DiskFull as NoRoom
from engines.files import TEMPORARY, disk_full_is_a_sentence, make_folder, sync_file, sync_folder

FOLDER = "backups"
#: Copies that are kept, the newest.
KEPT = 2


def make(database: Path, schema: str) -> Path:
    """Copy a database as it is, before it is brought to `schema`; where to. Raises DiskFull, sqlite3.Error: then there
    is no copy, and the older ones are as they were."""
    place = database.parent / FOLDER / f"{database.name}.before-{schema}"
    if not _made(database, place):
        sentence = f"The database {database} is of an older Myna, and there is no room for a copy of it as it is."
        raise DiskFull(sentence, "Nothing was changed. Free as much as it takes, then start mynad again.")
    for older in there(database)[KEPT:]:
        older.unlink(missing_ok=True)
    return place


def _made(database: Path, place: Path) -> bool:
    """False: the disk is full."""
    aside = place.with_name(f"{TEMPORARY}{place.name}")
    try:
        with disk_full_is_a_sentence("a copy of the database"):
            make_folder(place.parent)
            aside.unlink(missing_ok=True)
            with closing(sqlite.opened(database, "ro")) as ours, closing(sqlite3.connect(aside)) as copy:
                ours.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")
            sync_file(aside)
            aside.replace(place)
            sync_folder(place.parent)
    except NoRoom:
        return False
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
            return False
        raise
    finally:
        aside.unlink(missing_ok=True)
    return True


def there(database: Path) -> list[Path]:
    """All copies of a database, the newest first."""
    found = (database.parent / FOLDER).glob(f"{database.name}.before-*")
    return sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def fitting(database: Path, known: Collection[str]) -> Path | None:
    """The newest copy whose schema is one of those known; None: there is none."""
    for copy in there(database):
        with suppress(sqlite3.Error), closing(sqlite.opened(copy, "ro")) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            if row is not None and row[0] in known:
                return copy
    return None


def way_back(copy: Path, database: Path) -> str:
    """How to go back to a copy, in words."""
    logs = " and ".join(f"{database.name}{ending}" for ending in ("-wal", "-shm"))
    return f"end mynad, move {database.name} with {logs} away, and put {os.path.relpath(copy, database.parent)} there"
