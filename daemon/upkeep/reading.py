"""The database, read beside a mynad that works: copied as it is at one moment, looked through, asked what it knows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from daemon.database import sqlite
from daemon.database.store import HEAD
from daemon.errors import DatabaseForeign, NotFound
from engines.files import sync_file

NAME = "myna.db"
#: sentences of SQLite about one database that are told, at most
MOST = 100


@contextmanager
def reading(path: Path) -> Iterator[Session]:
    """A session on a database that is only read. Raises MynaError for one that this Myna does not know."""
    with translated(path):
        check_schema(path)
        engine = create_engine("sqlite+pysqlite://", creator=lambda: sqlite.opened(path, "ro"))
        try:
            with Session(engine) as session:
                session.execute(text("BEGIN"))  # all that is asked is of one moment
                yield session
        finally:
            engine.dispose()


def schema(path: Path) -> str:
    """The database's revision; empty: it is none of Myna's. Raises sqlite3.Error."""
    with closing(sqlite.opened(path, "ro")) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else ""


def is_sqlite(error: BaseException) -> bool:
    """Whether SQLite refused, itself or through SQLAlchemy."""
    return isinstance(error, sqlite3.Error | DatabaseError)


def check_schema(path: Path) -> None:
    """Raises NotFound where there is no database, and DatabaseForeign for a schema that is not this Myna's."""
    if not path.is_file():
        raise NotFound(f"There is no database {path}.", "Is that Myna's home? Name it with --home or MYNA_HOME.")
    found = schema(path)
    if found != HEAD:
        if found < HEAD:
            hint = "Start mynad once: it brings the database to the newest schema."
            raise DatabaseForeign(f"The database {path} is of an older Myna (schema {found}).", hint)
        sentence = f"The database {path} was made by a newer Myna (schema {found}). This one knows up to {HEAD}."
        raise DatabaseForeign(sentence, "Use that one here.")


def copy(source: Path, target: Path) -> None:
    """Copy a database as it is now (SQLite's backup API), into one synced file that needs no other. Its writers go on
    meanwhile. Raises StoreTrouble."""
    with translated(source), closing(sqlite.opened(source, "ro")) as ours, closing(sqlite3.connect(target)) as theirs:
        ours.backup(theirs)  # in one go: in pieces it would begin anew at each commit
        theirs.execute("PRAGMA journal_mode=DELETE")
    sync_file(target)


def damage(path: Path, *, deep: bool) -> list[str]:
    """What SQLite finds wrong with a database's pages; empty: nothing. `deep`: also whether its indexes say what its
    tables do."""
    check = "integrity_check" if deep else "quick_check"
    try:
        with closing(sqlite.opened(path, "ro")) as connection:
            found = [str(row[0]) for row in connection.execute(f"PRAGMA {check}({MOST})")]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [] if found == ["ok"] else found


def broken_references(path: Path) -> list[tuple[str, int, str]]:
    """(table, row, table that has not what it names) of rows that name a row that is not there."""
    with closing(sqlite.opened(path, "ro")) as connection:
        rows = connection.execute("PRAGMA foreign_key_check").fetchmany(MOST)
    return [(str(table), int(row or 0), str(other)) for table, row, other, _ in rows]


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's errors as sentences. Raises StoreTrouble."""
    try:
        yield
    except (sqlite3.Error, DatabaseError) as error:
        found = sqlite.trouble(error, path)
        if found is None:
            raise
        raise found from error
