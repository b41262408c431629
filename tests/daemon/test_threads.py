"""Pools are whole from the start."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from daemon.database import sqlite
from daemon.database.store import READERS, opened
from daemon.machine import threads

pytestmark = pytest.mark.unit


def _named(name: str) -> int:
    return sum(one.name.startswith(name) for one in threading.enumerate())


def test_all_threads_are_there_before_anything_is_asked() -> None:
    pool = threads.whole(5, "whole-pool")
    try:
        assert _named("whole-pool") == 5
        assert sorted(pool.map(abs, range(-20, 0))) == list(range(1, 21))
        assert _named("whole-pool") == 5
    finally:
        pool.shutdown()
    assert _named("whole-pool") == 0


def test_a_system_that_has_no_more_threads_gives_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    start, begun = threading.Thread.start, []

    def scarce(thread: threading.Thread) -> None:
        if len(begun) == 2:
            raise RuntimeError("can't start new thread")
        begun.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    pool = threads.whole(5, "scarce-pool")
    assert _named("scarce-pool") == 2
    monkeypatch.undo()  # there are some again
    assert pool.submit(abs, -7).result(10) == 7
    pool.shutdown()


def test_a_database_has_its_readers_from_the_start(tmp_path: Path) -> None:
    before = _named("myna-read")
    with opened(tmp_path):
        assert _named("myna-read") == before + READERS


def test_a_connection_keeps_few_pages(tmp_path: Path) -> None:
    with opened(tmp_path) as store, store.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA cache_size").scalar() == -sqlite.CACHE_KB
