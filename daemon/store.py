"""The SQLite database: one writer thread, a few reader threads, transactions that are on disk when they are answered.

`await store.write(fn, …)` runs `fn(session, …)` in a transaction on the writer thread. Writes that queue up meanwhile share one commit
(group commit), each in its own savepoint, so that one that fails takes no other with it; every caller is answered only after the commit
is on disk (`synchronous=FULL`). `await store.read(fn, …)` runs on a reader thread and sees the last commit (WAL).
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Engine, create_engine, event, insert, text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.orm import Session

from daemon import lost
from daemon.errors import DiskFull, MynaError
from daemon.models import Home, Row, now
from proto import myna_pb2 as pb

log = logging.getLogger("mynad.store")

P = ParamSpec("P")
T = TypeVar("T")

#: the newest revision in daemon/migrations/versions; a test compares the two
HEAD = "0003"
#: writes that may share one commit
GROUP = 64


def home_of(session: Session) -> Path:
    """The home folder that the session's database lies in."""
    return Path(str(session.get_bind().engine.url.database)).parent


class Store:
    """The database of one home folder. Thread-safe."""

    def __init__(self, home: Path) -> None:
        self.path = home / "myna.db"
        home.mkdir(parents=True, exist_ok=True)
        lost.check(self.path)
        self.engine = _engine(self.path)
        try:
            migrate(self.engine)
        except DatabaseError as error:
            self.engine.dispose()
            if full := _disk_trouble(error):
                raise full from error
            raise MynaError(f"The database {self.path} cannot be used: {error.orig}. Nothing was changed.", lost.ANEW) from error
        self._listeners: list[Callable[[list[pb.Event]], object]] = []
        self._queue: queue.SimpleQueue[tuple[Future[Any], Callable[[Session], Any]] | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(max_workers=3, thread_name_prefix="myna-read")
        self._writer = threading.Thread(target=self._write_loop, name="myna-write", daemon=True)
        self._writer.start()

    def on_commit(self, listener: Callable[[list[pb.Event]], object]) -> None:
        """Call `listener(events)` on the writer thread after every commit, with the events that became durable in it (maybe none)."""
        self._listeners.append(listener)

    async def write(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn` in a transaction; return when it is on disk. Raises what `fn` raises, and DiskFull when the disk is."""
        return await asyncio.wrap_future(self._submit(fn, *args, **kwargs))

    async def read(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn` on a reader thread. It must not write."""
        return await asyncio.wrap_future(self._readers.submit(lambda: self.read_now(fn, *args, **kwargs)))

    def write_now(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`write`, blocking: for start-up and tests."""
        return self._submit(fn, *args, **kwargs).result()

    def read_now(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`read`, blocking, on the calling thread."""
        with Session(self.engine, expire_on_commit=False) as session:
            return fn(session, *args, **kwargs)

    def close(self) -> None:
        """Finish what is queued, then close."""
        self._queue.put(None)
        self._writer.join()
        self._readers.shutdown()
        self.engine.dispose()

    def _submit(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        self._queue.put((future, lambda session: fn(session, *args, **kwargs)))
        return future

    def _write_loop(self) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                return
            batch, closing = [first], False
            while len(batch) < GROUP and not self._queue.empty():
                entry = self._queue.get()
                if entry is None:
                    closing = True
                    break
                batch.append(entry)
            self._commit(batch)
            if closing:
                return

    def _commit(self, batch: list[tuple[Future[Any], Callable[[Session], Any]]]) -> None:
        """Run a batch in one transaction. If the commit itself fails, nobody in the batch is told that it worked."""
        done: list[tuple[Future[Any], Any]] = []
        events: list[pb.Event] = []
        try:
            with Session(self.engine, expire_on_commit=False, autoflush=True) as session:
                with session.begin():
                    for future, fn in batch:
                        if not future.set_running_or_notify_cancel():
                            continue
                        fresh: list[pb.Event] = []
                        session.info["events"] = fresh
                        try:
                            with session.begin_nested():
                                result = fn(session)
                            done.append((future, result))
                            events += fresh
                        except MynaError as error:  # the request was refused: its savepoint is gone, the others go on
                            future.set_exception(error)
                        except DatabaseError as error:
                            if fatal := _disk_trouble(error):
                                raise fatal from error
                            future.set_exception(error)
                        except Exception as error:
                            future.set_exception(error)
                session.expunge_all()
        except BaseException as error:
            trouble = _disk_trouble(error) or error
            for future, _ in batch:
                if not future.done():
                    future.set_exception(trouble)
            return
        for future, result in done:
            future.set_result(result)
        for listener in self._listeners:
            try:
                listener(events)
            except Exception:  # an event loop that has closed, say: it must not take the writer with it
                log.exception("somebody could not be told of a commit")


def _disk_trouble(error: BaseException | None) -> DiskFull | None:
    """DiskFull if that is what is behind the error. A full disk rolls the whole transaction back by itself, and the error that surfaces may
    be a later one (the savepoint is gone); so the chain is searched."""
    while error is not None:
        words = str(error).lower()
        if "disk is full" in words or "disk i/o error" in words or "no space left" in words:
            return DiskFull("The disk that holds Myna's state is full.", "Make room; waiting work goes on by itself.")
        error = error.__context__
    return None


def _engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite+pysqlite:///{path}", connect_args={"check_same_thread": False, "timeout": 30}, pool_size=5)

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy's own BEGIN below, not the driver's, so that savepoints work
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-8000", "temp_store=MEMORY"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def migrate(engine: Engine) -> None:
    """Bring the schema to HEAD. Alembic is only imported when there is something to do: it costs a fifth of a second."""
    with engine.connect() as connection:
        tables = {name for (name,) in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))}
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar() if "alembic_version" in tables else None
    if revision == HEAD:
        return
    if not tables:  # a new home: the models are the head schema (a test holds them to the migrations)
        with engine.begin() as connection:
            Row.metadata.create_all(connection)
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
            connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
            connection.execute(insert(Home).values(since=now()))
        return
    from daemon.migrations import upgrade

    upgrade(engine, revision)


@contextmanager
def opened(home: Path) -> Iterator[Store]:
    """A store for the length of a block: scripts and tests."""
    store = Store(home)
    try:
        yield store
    finally:
        store.close()


__all__ = ["HEAD", "OperationalError", "Store", "migrate", "opened"]
