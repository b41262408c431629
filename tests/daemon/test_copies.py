"""Before a database is brought to a newer schema it is copied; and a newer one is refused with the way back."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from daemon.database import copies
from daemon.database.store import HEAD, Store, opened
from daemon.errors import DatabaseForeign, DiskFull, MynaError

pytestmark = pytest.mark.migration

OLDEST = Path(__file__).parent / "migration" / "released" / "0.1.0.sql"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """With a database that an older Myna left."""
    with sqlite3.connect(tmp_path / "myna.db") as connection:
        connection.executescript(OLDEST.read_text())
    connection.close()
    return tmp_path


def dump(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        lines = list(connection.iterdump())
    connection.close()
    return lines


def test_the_copy_is_the_database_as_it_was_and_the_log_says_how_to_go_back(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = dump(home / "myna.db")
    with caplog.at_level(logging.INFO), opened(home):
        pass
    copy = home / "backups" / f"myna.db.before-{HEAD}"
    assert dump(copy) == before
    assert f"put backups/myna.db.before-{HEAD} there" in caplog.text
    for name in ("myna.db", "myna.db-wal", "myna.db-shm"):  # as the log says
        (home / name).unlink(missing_ok=True)
    shutil.copy(copy, home / "myna.db")
    with opened(home):
        pass


def test_a_new_home_and_one_of_this_schema_get_none(tmp_path: Path) -> None:
    for _ in range(2):
        with opened(tmp_path):
            pass
    assert not (tmp_path / "backups").exists()


def test_the_last_two_are_kept(home: Path) -> None:
    (home / "backups").mkdir()
    for number in (1, 2, 3):
        shutil.copy(home / "myna.db", home / "backups" / f"myna.db.before-000{number}")
        os.utime(home / "backups" / f"myna.db.before-000{number}", (number, number))
    (home / "backups" / "mine.txt").write_text("a person's")
    with opened(home):
        pass
    assert sorted(path.name for path in (home / "backups").iterdir()) == [
        "mine.txt",
        "myna.db.before-0003",
        f"myna.db.before-{HEAD}",
    ]


def test_a_newer_database_is_refused_with_what_is_needed_and_where_the_older_copy_lies(home: Path) -> None:
    with opened(home):
        pass
    with sqlite3.connect(home / "myna.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(DatabaseForeign, match=f"schema 9999.. This one knows schemas up to {HEAD}") as refused:
        Store(home)
    assert f"backups/myna.db.before-{HEAD}" in refused.value.hint


def test_a_full_disk_changes_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    before = dump(home / "myna.db")
    monkeypatch.setattr(copies, "sync_file", full)  # what a full disk says, where a copy of a small one would fit
    with pytest.raises(DiskFull, match="no room for a copy"):
        Store(home)
    assert dump(home / "myna.db") == before
    assert list((home / "backups").iterdir()) == []


def test_a_migration_that_fails_leaves_no_copy(home: Path) -> None:
    with sqlite3.connect(home / "myna.db") as connection:
        connection.execute("DROP TABLE consents")
    connection.close()
    with pytest.raises(MynaError):
        Store(home)
    assert list((home / "backups").iterdir()) == []
