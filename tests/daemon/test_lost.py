"""A database that seems to be lost: mynad says so and changes nothing, and a new home is none."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import select

from daemon.database.models import Home, Voice, now
from daemon.database.store import Store, opened
from daemon.errors import MynaError

pytestmark = pytest.mark.integration


def recorded(home: Path) -> None:
    path = home / "recordings" / "ab" / f"{'ab' * 32}.wav"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"sound")


def trained(home: Path) -> None:
    path = home / "voices" / "anna" / "1" / "version.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")


@pytest.mark.parametrize("content", [recorded, trained])
def test_an_empty_file_in_place_of_the_database_of_a_home_in_use_is_refused(tmp_path: Path, content: object) -> None:
    content(tmp_path)  # type: ignore[operator]
    (tmp_path / "myna.db").touch()
    with pytest.raises(MynaError, match=r"is empty \(0 bytes\), but this home is in use") as caught:
        Store(tmp_path)
    assert "myna adopt" in caught.value.hint
    assert (tmp_path / "myna.db").stat().st_size == 0
    assert not (tmp_path / "myna.db-wal").exists()


def test_an_empty_file_in_a_new_home_is_what_a_first_start_that_broke_off_left(tmp_path: Path) -> None:
    (tmp_path / "myna.db").touch()
    (tmp_path / "recordings" / ".incoming").mkdir(parents=True)
    with opened(tmp_path) as store:
        assert store.read_now(lambda session: session.scalars(select(Home)).one()).uuid


def test_a_database_that_was_moved_away_as_advised_gives_an_empty_one(tmp_path: Path) -> None:
    recorded(tmp_path)
    with opened(tmp_path) as store:
        assert store.read_now(lambda session: session.scalars(select(Home)).one()).uuid


@pytest.mark.parametrize("database", ["moved away", "emptied"])
def test_a_journal_without_its_database_is_never_opened_for_sqlite_would_delete_it(
    tmp_path: Path, database: str
) -> None:
    with opened(tmp_path / "first") as store:
        store.write_now(
            lambda session: session.add(Voice(name="anna", language="en", engine="glow", options={}, created=now()))
        )
        shutil.copytree(tmp_path / "first", tmp_path / "home")  # as after a kill: the voice is in the journal
    home = tmp_path / "home"
    assert (home / "myna.db-wal").stat().st_size
    whole = (home / "myna.db").read_bytes()
    (home / "myna.db").unlink()
    if database == "emptied":
        (home / "myna.db").touch()
    with pytest.raises(MynaError, match=r"its journal myna\.db-wal holds changes"):
        Store(home)
    (home / "myna.db").write_bytes(whole)
    with sqlite3.connect(home / "myna.db") as connection:
        assert connection.execute("SELECT name FROM voices").fetchall() == [("anna",)]
    connection.close()


def test_a_database_that_cannot_be_used_names_the_way_back(tmp_path: Path) -> None:
    (tmp_path / "myna.db").write_bytes(b"my letters, " * 1_000)
    with pytest.raises(MynaError) as caught:
        Store(tmp_path)
    assert "myna adopt" in caught.value.hint
