"""The database file: how it is opened, whether it is ours and whole, and what SQLite's error codes mean to a person.

`trouble` reads codes, never words. Everything here leaves the file as it is.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, event

from daemon.database.models import Row
from daemon.errors import (
    DatabaseDamaged,
    DatabaseForeign,
    DatabaseHeld,
    DatabaseRefused,
    DiskFull,
    MynaError,
    StoreTrouble,
)
from daemon.home import lost

#: seconds one try to get at a held database lasts; who may wait longer tries again
TRY = 1.0
#: Statements that are kept compiled (some 55 kB each; once half as many again are there, the least used go), and
#: prepared in each connection. An hour's usual work comes by a hundred; what is met once a day need not stay.
COMPILED_STATEMENTS = 128
PREPARED_STATEMENTS = 64
#: kB of pages that each connection keeps. The system keeps the file's pages, too, and for all of them together: a page
#: that is read from there costs microseconds, and a cache as large as the file grows with it, once a connection.
CACHE_KB = 500
#: execution option of the connections that write: they take the write lock at once (a transaction that only takes it at
#: its first change is refused at once, whatever it may wait, when another program has it)
WRITES = "myna_writes"
#: bytes that must fit on a disk that is not full: a page of the database's log, with room to spare
ROOM = 64 * 1024


# -------------------------------------------------------------------------------------------------------------- opening


def engine(path: Path) -> Engine:
    """Connections to the database. The first makes the file where there is none; later ones never do: a home whose
    database was taken away while mynad runs must not get an empty one."""
    made_it = False

    def connect() -> sqlite3.Connection:
        nonlocal made_it
        connection = opened(
            path, "rw" if made_it else "rwc", check_same_thread=False, cached_statements=PREPARED_STATEMENTS
        )
        made_it = True
        return connection

    made = create_engine(
        f"sqlite+pysqlite:///{path}", creator=connect, pool_size=5, query_cache_size=COMPILED_STATEMENTS
    )

    @event.listens_for(made, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy's own BEGIN below, not the driver's, so that savepoints work
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"cache_size=-{CACHE_KB}",
            "temp_store=MEMORY",
            "secure_delete=ON",  # what is forgotten is not left in pages that are free
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(made, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(WRITES) else "BEGIN")

    return made


def opened(path: Path, mode: str, **options: Any) -> sqlite3.Connection:
    """A connection of SQLite's own; `mode`: "ro", "rw" or "rwc". Raises sqlite3.Error."""
    connection: sqlite3.Connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}", uri=True, timeout=TRY, **options
    )
    return connection


# ----------------------------------------------------------------------------------------------- is it ours, and whole?


def examine(path: Path, head: str, check_known: Callable[[Path, str], None]) -> None:
    """Look at the database before anything opens it for writing. Raises MynaError, or sqlite3.Error, for one that
    cannot be ours or is not whole; `check_known(path, revision)` is asked about a schema that is not the newest."""
    if not os.path.lexists(path):
        return
    if path.is_symlink() and not path.exists():
        raise DatabaseForeign(
            f"The database {path} is a link to {os.readlink(path)}, which is not there.", "Mount or repair that first."
        )
    if not stat.S_ISREG(path.stat().st_mode):
        raise DatabaseForeign(
            f"The database {path} cannot be used: it is no file.", "Move it away, then start mynad again."
        )
    if path.stat().st_size == 0:
        return  # nothing was ever written
    with closing(opened(path, "ro")) as connection:
        log = path.with_name(f"{path.name}-wal")
        if log.is_file() and log.stat().st_size:  # a mynad was killed; the log may also be that of another database
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise _damaged(path)
        tables = _columns(connection)
        if not tables:
            return
        if "alembic_version" not in tables:
            raise DatabaseForeign(f"The database {path} is not one of Myna's.", "Move it away, then start mynad again.")
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        if row is None or row[0] != head:
            check_known(path, str(row[0]) if row else "none")
        elif lacking := _lacking(tables):
            raise _lacks(path, lacking)


def check_schema(connection: Any, path: Path) -> None:
    """After a migration: raises DatabaseForeign when a table or a column is missing."""
    if lacking := _lacking(_columns(connection.connection.driver_connection)):
        raise _lacks(path, lacking)


def _columns(connection: sqlite3.Connection) -> dict[str, set[str]]:
    """Columns by table."""
    tables: dict[str, set[str]] = {}
    query = "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"
    for table, column in connection.execute(query):
        tables.setdefault(table, set()).add(column)
    return tables


def _lacking(tables: dict[str, set[str]]) -> str:
    """What the models want and the database has not: "the table jobs", "the column jobs.place"; empty if nothing."""
    for name, table in Row.metadata.tables.items():
        if name not in tables:
            return f"the table {name}"
        if missing := {column.name for column in table.columns} - tables[name]:
            return f"the column {name}.{min(missing)}"
    return ""


def _lacks(path: Path, what: str) -> DatabaseForeign:
    return DatabaseForeign(f"The database {path} cannot be used: it lacks {what}.", _COPY)


# -------------------------------------------------------------------------------------------------- what an error means


def trouble(error: BaseException | None, path: Path) -> StoreTrouble | None:
    """What is behind an error, if it is the state of the database or its disk; None: a mistake of ours, or a refusal. A
    full disk rolls the transaction back by itself, and the error that surfaces may be a later one (the savepoint is
    gone): so the first of the chain counts."""
    chain = list(_chain(error))
    for each in reversed(chain):
        if isinstance(each, StoreTrouble):
            return each
        if isinstance(each, OSError) and each.errno in (errno.ENOSPC, errno.EDQUOT):
            return _full()
        if (code := _code(each)) is not None and (found := _of_code(code, path)) is not None:
            return found
    if any(_code(each) == sqlite3.SQLITE_ERROR for each in chain):
        return _schema_trouble(path)
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, what it was raised over, and so on."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _code(error: BaseException) -> int | None:
    """SQLite's primary result code."""
    code = getattr(getattr(error, "orig", error), "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF


def _of_code(code: int, path: Path) -> StoreTrouble | None:
    match code:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED | sqlite3.SQLITE_PROTOCOL:
            return DatabaseHeld(
                f"Another program holds the database {path}.",
                "Wait until it is done, or end it (sqlite3, a backup), then try again. Jobs "
                "that wait go on by themselves.",
            )
        case sqlite3.SQLITE_FULL:
            return _full()
        case sqlite3.SQLITE_IOERR:
            if _no_room(path.parent):
                return _full()
            hint = (
                "See `journalctl -k`, and whether the disk is there. Jobs that wait go on by "
                "themselves when it is mended."
            )
            return DatabaseRefused(f"The database {path} cannot be used: its disk reports errors.", hint)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            hint = "Give mynad's user the right to write it and its folder. Jobs that wait go on by themselves then."
            return DatabaseRefused(f"The database {path} cannot be used: it cannot be written.", hint)
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_AUTH:
            hint = "See whether it is there, and whether mynad's user may read and write it and its folder."
            return DatabaseRefused(f"The database {path} cannot be used: it cannot be opened.", hint)
        case sqlite3.SQLITE_CORRUPT:
            return _damaged(path)
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_FORMAT:
            return DatabaseDamaged(f"The database {path} cannot be used: it is not a database.", _COPY)
    return None


_COPY = f"End mynad. {lost.ANEW}"


def _damaged(path: Path) -> DatabaseDamaged:
    return DatabaseDamaged(f"The database {path} cannot be used: it is damaged.", _COPY)


def _full() -> DiskFull:
    return DiskFull("The disk that holds Myna's state is full.", "Free some space; waiting work goes on by itself.")


def _no_room(folder: Path) -> bool:
    """SQLite calls some full disks (quotas, its shared memory) an I/O error: a try tells them apart."""
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0" * ROOM)
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return False


def _schema_trouble(path: Path) -> StoreTrouble | None:
    """A statement that makes no sense to the database: perhaps a table or a column has gone."""
    try:
        with closing(opened(path, "ro")) as connection:
            lacking = _lacking(_columns(connection))
    except sqlite3.Error as error:
        code = _code(error)
        return _of_code(code, path) if code is not None else None
    return _lacks(path, lacking) if lacking else None


def at_start(error: BaseException, path: Path) -> MynaError:
    """Why mynad cannot start on this database."""
    found = trouble(error, path)
    if found is None:
        return MynaError(
            f"The database {path} cannot be used: {getattr(error, 'orig', error)}.", f"Nothing was changed. {_COPY}"
        )
    if isinstance(found, DatabaseDamaged | DatabaseForeign):
        found.hint = f"Nothing was changed. {found.hint}"
    return found
