"""The database: what was answered is on disk, one refused write takes no other with it, a full disk is a sentence."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from daemon.database.models import Consent, EventRow, Voice, now
from daemon.database.store import Store, opened
from daemon.errors import DiskFull, NotFound
from daemon.state import events


def voice(name: str) -> Voice:
    return Voice(name=name, language="en", engine="glow", options={}, created=now())


def test_what_was_answered_can_be_read_by_another_process_at_once(store: Store) -> None:
    store.write_now(lambda session: session.add(voice("bob")))
    with sqlite3.connect(store.path) as other:
        assert ("bob",) in other.execute("SELECT name FROM voices").fetchall()


def test_a_commit_waits_for_the_disk(store: Store) -> None:
    """synchronous=FULL and WAL, on every connection."""

    def pragmas(session: Session) -> tuple[object, object, object]:
        ask = session.connection().exec_driver_sql
        return (
            ask("PRAGMA synchronous").scalar(),
            ask("PRAGMA journal_mode").scalar(),
            ask("PRAGMA foreign_keys").scalar(),
        )

    assert store.write_now(pragmas) == (2, "wal", 1)
    assert store.read_now(pragmas) == (2, "wal", 1)


async def _many(store: Store) -> list[object]:
    def refuse(session: Session) -> None:
        session.add(voice("never"))
        session.flush()
        raise NotFound("There is no such thing.")

    def accept(session: Session, name: str) -> str:
        session.add(voice(name))
        return name

    writes = [store.write(refuse) if n % 3 == 0 else store.write(accept, f"v{n}") for n in range(60)]
    return await asyncio.gather(*writes, return_exceptions=True)


def test_a_refused_write_leaves_nothing_and_takes_no_other_with_it(store: Store) -> None:
    results = asyncio.run(_many(store))
    names = set(store.read_now(lambda session: session.scalars(select(Voice.name)).all()))
    assert names == {"anna"} | {f"v{n}" for n in range(60) if n % 3}
    assert [isinstance(result, NotFound) for result in results] == [n % 3 == 0 for n in range(60)]


def test_events_of_a_refused_write_are_not_told(store: Store) -> None:
    told: list[str] = []
    store.on_commit(lambda happened: told.extend(event.notice.sentence for event in happened))

    def refuse(session: Session) -> None:
        events.notice(session, "info", "this did not happen")
        raise NotFound("no")

    with pytest.raises(NotFound):
        store.write_now(refuse)
    store.write_now(events.notice, "info", "this did")
    assert told == ["this did"]
    assert len(store.read_now(lambda session: session.scalars(select(EventRow)).all())) == 1


def test_a_full_database_is_a_sentence_and_work_goes_on_when_there_is_room(store: Store) -> None:
    def limit(session: Session, pages: int) -> None:
        session.connection().exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    def big(session: Session) -> None:
        session.add(Consent(engine="x", licence="y" * 5_000_000, by="", time=now()))

    used = store.read_now(lambda session: session.connection().exec_driver_sql("PRAGMA page_count").scalar())
    assert isinstance(used, int)
    store.write_now(limit, used + 10)
    with pytest.raises(DiskFull, match="full"):
        store.write_now(big)
    store.write_now(limit, used + 100_000)
    store.write_now(big)
    assert store.read_now(lambda session: session.get(Consent, "x")) is not None


def test_readers_do_not_wait_for_a_long_write(store: Store) -> None:
    inside, leave = threading.Event(), threading.Event()

    def slow(session: Session) -> None:
        session.add(voice("slow"))
        session.flush()
        inside.set()
        assert leave.wait(10)

    async def both() -> list[str]:
        writing = asyncio.ensure_future(store.write(slow))
        await asyncio.to_thread(inside.wait, 10)
        names = await asyncio.wait_for(store.read(lambda session: list(session.scalars(select(Voice.name)))), 5)
        leave.set()
        await writing
        return names

    assert asyncio.run(both()) == ["anna"]


def test_a_home_that_is_opened_again_has_everything(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.write_now(lambda session: session.add(voice("carla")))
    with opened(tmp_path) as store:
        assert store.read_now(lambda session: session.scalars(select(Voice.name)).all()) == ["carla"]
        assert store.read_now(lambda session: session.scalar(text("PRAGMA integrity_check"))) == "ok"


def test_a_listener_that_fails_takes_nothing_with_it(store: Store) -> None:
    """An event loop that has closed, say."""

    def fails(_: object) -> None:
        raise RuntimeError("the event loop is closed")

    told: list[int] = []
    store.on_commit(fails)
    store.on_commit(lambda events: told.append(len(events)))
    for name in ("bob", "carl"):
        store.write_now(lambda session, name=name: session.add(voice(name)))
    assert store.read_now(lambda session: session.get(Voice, "carl")) is not None
    store.write_now(lambda session: None)
    assert len(told) >= 2
