"""The SQLite database: one writer thread, a few reader threads, transactions that are on disk when they are answered.

`await store.write(fn, …)` runs `fn(session, …)` in a transaction on the writer thread. Writes that queue up meanwhile
share one commit (group commit), each in its own savepoint, so that one that fails takes no other with it; every caller
is answered only after the commit is on disk (`synchronous=FULL`). `await store.read(fn, …)` runs on a reader thread and
sees the last commit (WAL).
"""

from __future__ import annotations

import asyncio
import logging
import math
import queue
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Engine, insert, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from daemon import caller as callers
from daemon.caller import Caller
from daemon.database import sqlite
from daemon.database.models import Home, now
from daemon.database.schema import TABLES
from daemon.errors import DatabaseForeign, DatabaseHeld, MynaError, StoreTrouble
from daemon.home import lost
from daemon.machine import threads
from daemon.settings import Settings
from proto import myna_pb2 as pb

log = logging.getLogger("mynad.store")

P = ParamSpec("P")
T = TypeVar("T")

#: the newest revision in daemon/database/migrations/versions; a test compares the two
HEAD = "0024"
#: writes that may share one commit
GROUP = 64
#: seconds a caller waits while another program holds the database: less than the half minute that clients wait for an
#: answer
PATIENCE = 20.0
#: threads that read, at once
READERS = 3
#: seconds until the log is told again of the same trouble
QUIET = 600.0


def home_of(session: Session) -> Path:
    """The home folder that the session's database lies in."""
    return Path(str(session.get_bind().engine.url.database)).parent


def settings_of(session: Session) -> Settings:
    """The settings of the mynad that the session's database belongs to."""
    settings: Settings = session.info["settings"]
    return settings


def caller_of(session: Session) -> Caller:
    """Whom the session works for: whoever asked for its transaction; the owner, where mynad works by itself."""
    found: Caller = session.info.get("caller", callers.OWNER)
    return found


@dataclass(eq=False)
class _Write:
    """One caller's change, on its way to the writer."""

    future: Future[Any]
    fn: Callable[[Session], Any]
    until: float  #: how long its caller waits for a lock that another program has, monotonic
    caller: Caller
    begun: bool = False

    def wanted(self) -> bool:
        """Does somebody still wait for it?"""
        self.begun = self.begun or self.future.set_running_or_notify_cancel()
        return self.begun and not self.future.done()

    def give_up(self, why: StoreTrouble) -> None:
        if self.wanted():
            self.future.set_exception(why)


class Store:
    """The database of one home folder. Thread-safe. `patience`: seconds a caller waits while another program holds the
    database; `settings`: what `settings_of` gives in its sessions."""

    def __init__(self, home: Path, patience: float = PATIENCE, settings: Settings | None = None) -> None:
        self.path = home / "myna.db"
        home.mkdir(parents=True, exist_ok=True)
        self.patience = patience
        self._settings = settings or Settings()
        self.trouble: StoreTrouble | None = None  #: what keeps the writer from writing now
        self._logged: dict[type[StoreTrouble], float] = {}  #: when the log was last told of each, monotonic
        lost.check(self.path)
        self.engine = sqlite.engine(self.path)
        self._writing = self.engine.execution_options(**{sqlite.WRITES: True})
        self._prepare()
        self._listeners: list[Callable[[list[pb.Event]], object]] = []
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._readers = threads.whole(READERS, "myna-read")
        self._writer = threading.Thread(target=self._write_loop, name="myna-write", daemon=True)
        self._writer.start()

    def _prepare(self) -> None:
        """See that the database is ours and whole, and bring it to the newest schema. Raises MynaError; then nothing
        was changed."""
        from daemon.database.migrations import check_known

        until = time.monotonic() + self.patience
        while True:
            try:
                sqlite.examine(self.path, HEAD, check_known)
                migrate(self.engine)
                return
            except (DatabaseError, sqlite3.Error, StoreTrouble) as error:
                found = sqlite.at_start(error, self.path)
                if not isinstance(found, DatabaseHeld) or time.monotonic() > until:
                    self.engine.dispose()
                    raise found from error
                self._log_trouble(found)

    def on_commit(self, listener: Callable[[list[pb.Event]], object]) -> None:
        """Call `listener(events)` on the writer thread after every commit, with the events that became durable in it
        (maybe none)."""
        self._listeners.append(listener)

    async def write(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn` in a transaction; return when it is on disk. Raises what `fn` raises, and StoreTrouble when the
        database cannot be written: then nothing of it was done."""
        return await asyncio.wrap_future(self._submit(fn, *args, **kwargs))

    async def read(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn` on a reader thread. It must not write."""
        caller = callers.current()
        return await asyncio.wrap_future(self._readers.submit(lambda: self._read(caller, fn, *args, **kwargs)))

    def write_now(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`write`, blocking: for start-up and tests."""
        return self._submit(fn, *args, **kwargs).result()

    def read_now(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`read`, blocking, on the calling thread."""
        return self._read(callers.current(), fn, *args, **kwargs)

    def _read(self, caller: Caller, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        info = {"settings": self._settings, "caller": caller}
        try:
            with Session(self.engine, expire_on_commit=False, info=info) as session:
                return fn(session, *args, **kwargs)
        except DatabaseError as error:
            found = sqlite.trouble(error, self.path)
            if found is None:
                raise
            self._log_trouble(found)
            raise found from error

    def close(self) -> None:
        """Finish what is queued, then close."""
        self._queue.put(None)
        self._writer.join()
        self._readers.shutdown()
        self.engine.dispose()

    def _submit(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        until = time.monotonic() + self.patience
        self._queue.put(_Write(future, lambda session: fn(session, *args, **kwargs), until, callers.current()))
        return future

    def _write_loop(self) -> None:
        waiting: deque[_Write] = deque()
        closing = False
        while waiting or not closing:
            while not closing and not (waiting and self._queue.empty()):
                entry = self._queue.get()
                if entry is None:
                    closing = True
                else:
                    waiting.append(entry)
            batch = [waiting.popleft() for _ in range(min(GROUP, len(waiting)))]
            if batch and (held := self._commit(batch)):
                waiting.extendleft(reversed(batch))
                for write in waiting:
                    if write.until < time.monotonic():
                        write.give_up(held)
                waiting = deque(write for write in waiting if not write.future.done())

    def _commit(self, batch: list[_Write]) -> DatabaseHeld | None:
        """Run a batch in one transaction. If the commit itself fails, nobody in the batch is told that it worked. What
        is returned says that another program has the lock: the batch is to be tried again."""
        done: list[tuple[_Write, Any]] = []
        events: list[pb.Event] = []
        try:
            with Session(self._writing, expire_on_commit=False, info={"settings": self._settings}) as session:
                with session.begin():
                    session.connection()  # BEGIN IMMEDIATE: nothing was run yet when somebody else has the lock
                    for write in batch:
                        if not write.wanted():
                            continue
                        fresh: list[pb.Event] = []
                        session.info["events"] = fresh
                        session.info["caller"] = write.caller
                        try:
                            with session.begin_nested():
                                result = write.fn(session)
                            done.append((write, result))
                            events += fresh
                        except MynaError as error:  # the request was refused: its savepoint is gone, the others go on
                            write.future.set_exception(error)
                        except DatabaseError as error:
                            found = sqlite.trouble(error, self.path)
                            if found is not None and not isinstance(found, DatabaseForeign):
                                raise found from error
                            write.future.set_exception(found or error)
                        except Exception as error:
                            write.future.set_exception(error)
                session.expunge_all()
        except BaseException as error:
            found = sqlite.trouble(error, self.path)
            if found is not None:
                self.trouble = found
                self._log_trouble(found)
            if isinstance(found, DatabaseHeld):
                return found
            for write in batch:
                if write.wanted():
                    write.future.set_exception(found or error)
            return None
        self._well()
        for write, result in done:
            write.future.set_result(result)
        for listener in self._listeners:
            try:
                listener(events)
            except Exception:  # an event loop that has closed, say: it must not take the writer with it
                log.exception("A listener could not be told of a commit.")
        return None

    def _log_trouble(self, found: StoreTrouble) -> None:
        """Say in the log what is wrong, once for a long while: everybody who waits meets it again each second."""
        moment = time.monotonic()
        if moment - self._logged.get(type(found), -math.inf) > QUIET:
            self._logged[type(found)] = moment
            log.error("%s", found)

    def _well(self) -> None:
        if self.trouble is not None:
            self._logged.pop(type(self.trouble), None)
            self.trouble = None
            log.info("The database can be written again.")


def migrate(engine: Engine) -> None:
    """Bring the schema to HEAD. Alembic is only imported when there is something to do: it costs a fifth of a
    second."""
    with engine.connect() as connection:
        tables = {name for (name,) in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))}
        revision = (
            connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            if "alembic_version" in tables
            else None
        )
    if revision == HEAD:
        return
    if not tables:  # a new home: the models are the head schema (a test holds them to the migrations)
        with engine.execution_options(**{sqlite.WRITES: True}).begin() as connection:
            TABLES.create_all(connection)
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
            connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
            connection.execute(insert(Home).values(since=now()))
        return
    _upgrade(engine, revision)


def _upgrade(engine: Engine, revision: str | None) -> None:
    """Bring an older database to HEAD, with a copy of how it was. Raises MynaError; then all is as it was."""
    from daemon.database import copies
    from daemon.database.migrations import check_known, upgrade

    path = Path(str(engine.url.database))
    if revision is not None:
        check_known(path, revision)
    copy = copies.make(path, HEAD)
    try:
        upgrade(engine, revision)
    except BaseException:
        copy.unlink(missing_ok=True)  # it says nothing that the database does not
        raise
    log.info("The database was brought from schema %s to %s; the copy %s is as it was.", revision, HEAD, copy)
    log.info("To go back to the Myna before this one: %s.", copies.way_back(copy, path))


@contextmanager
def opened(home: Path) -> Iterator[Store]:
    """A store for the length of a block: scripts and tests."""
    store = Store(home)
    try:
        yield store
    finally:
        store.close()


__all__ = ["HEAD", "Store", "migrate", "opened"]
