"""A database that is damaged, foreign or out of reach is one sentence, at start and while mynad runs; the file stays as
it is."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from living_daemon import Living, lived

from daemon.database.models import Consent, Voice, now
from daemon.database.store import Store, opened
from daemon.errors import DatabaseDamaged, DatabaseForeign, DatabaseRefused, DiskFull, MynaError
from daemon.state import events
from proto.client import ClientError
from tests.waits import until

ROOT = Path(__file__).resolve().parents[2]
NAME = "myna.db"


def voice(name: str) -> Voice:
    return Voice(name=name, language="en", engine="glow", options={}, created=now())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a database of some hundred pages, all of them in the file itself."""
    home = tmp_path_factory.mktemp("whole")
    with opened(home) as store:
        store.write_now(lambda session: session.add(voice("anna")))
        for number in range(50):
            store.write_now(events.notice, "info", f"{number} " * 2_000)
    return home


def changed(home: Path, statement: str) -> None:
    with sqlite3.connect(home / NAME) as connection:
        connection.executescript(statement)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def truncated(share: float) -> Callable[[Path], None]:
    def damage(home: Path) -> None:
        os.truncate(home / NAME, int((home / NAME).stat().st_size * share))

    return damage


def random_bytes(home: Path) -> None:
    (home / NAME).write_bytes(os.urandom(100_000))


def header_only(home: Path) -> None:
    os.truncate(home / NAME, 100)


def random_middle(home: Path) -> None:
    """What is after the first page: found by whoever looks there."""
    size = (home / NAME).stat().st_size
    with (home / NAME).open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 4096))


def log_of_another(home: Path) -> None:
    """The log of a database that is nothing like it."""
    other = home / "other"
    other.mkdir()
    connection = sqlite3.connect(other / NAME)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("CREATE TABLE letters (text)")
    connection.executemany("INSERT INTO letters VALUES (?)", [("dear " * 500,)] * 20)
    connection.commit()
    shutil.copy(other / f"{NAME}-wal", home / f"{NAME}-wal")
    connection.close()


def a_folder(home: Path) -> None:
    (home / NAME).unlink()
    (home / NAME).mkdir()


def a_dangling_link(home: Path) -> None:
    (home / NAME).unlink()
    (home / NAME).symlink_to(home / "gone" / NAME)


def dropped_table(home: Path) -> None:
    changed(home, "DROP TABLE jobs")


def dropped_revision(home: Path) -> None:
    changed(home, "DROP TABLE alembic_version")


def dropped_column(home: Path) -> None:
    changed(home, "ALTER TABLE runs RENAME COLUMN settings TO wishes")


def newer(home: Path) -> None:
    changed(home, "UPDATE alembic_version SET version_num = '9999'")


def older_without_a_table(home: Path) -> None:
    """A schema from before, with a table missing: its migration must not leave anything behind."""
    (home / NAME).unlink()
    changed(home, (Path(__file__).parent / "migration/released/0.1.0.sql").read_text())
    changed(home, "PRAGMA journal_mode=WAL; DROP TABLE consents")


def foreign(home: Path) -> None:
    (home / NAME).unlink()
    changed(home, "CREATE TABLE bookmarks (url)")


def a_pipe(home: Path) -> None:
    (home / NAME).unlink()
    os.mkfifo(home / NAME)


DAMAGES = {
    random_bytes: "it is not a database",
    header_only: "cannot be used",
    truncated(0.02): "cannot be used",
    truncated(0.5): "it is damaged",
    truncated(0.97): "it is damaged",
    random_middle: "cannot be used",
    log_of_another: "cannot be used|not one of Myna's",
    a_folder: "it is no file",
    a_pipe: "it is no file",
    a_dangling_link: "which is not there",
    dropped_table: "it lacks the table jobs",
    dropped_revision: "is not one of Myna's",
    dropped_column: r"it lacks the column runs\.settings",
    newer: r"newer Myna \(schema 9999\)",
    older_without_a_table: "it lacks the table consents",
    foreign: "is not one of Myna's",
}


def content(home: Path) -> bytes | str:
    path = home / NAME
    if path.is_symlink():
        return os.readlink(path)
    return path.read_bytes() if path.is_file() else path.stat().st_mode.to_bytes(4, "big")


@pytest.mark.parametrize(
    ("damage", "words"), DAMAGES.items(), ids=[str(n) + getattr(d, "__name__", "") for n, d in enumerate(DAMAGES)]
)
def test_it_is_a_sentence_and_the_file_stays_as_it_is(
    whole: Path, tmp_path: Path, damage: Callable[[Path], None], words: str
) -> None:
    shutil.copy(whole / NAME, tmp_path / NAME)
    damage(tmp_path)
    before = content(tmp_path)
    with pytest.raises(MynaError, match=words) as caught:
        Store(tmp_path)
    assert str(tmp_path / NAME) in caught.value.sentence
    assert "Nothing was changed." in caught.value.hint
    assert content(tmp_path) == before
    assert not (tmp_path / "gone").exists()


@pytest.mark.integration
@pytest.mark.parametrize("damage", [truncated(0.5), dropped_table, newer, foreign, log_of_another, a_folder])
def test_mynad_ends_with_one_sentence_and_no_traceback(
    whole: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    shutil.copy(whole / NAME, tmp_path / NAME)
    damage(tmp_path)
    environment = {**os.environ, "MYNA_HOME": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-m", "daemon.main"], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 2  # systemd is not to try again
    assert "Traceback" not in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("mynad: The database")


def test_a_database_that_was_killed_starts_again(whole: Path, tmp_path: Path) -> None:
    """Its log is its own, and whole."""
    killed = (
        "import os, sys; from pathlib import Path; from daemon.database.store import Store; "
        "from daemon.state import events;"
        + ("store = Store(Path(sys.argv[1])); store.write_now(events.notice, 'info', 'kept'); os._exit(9)")
    )
    shutil.copy(whole / NAME, tmp_path / NAME)
    subprocess.run([sys.executable, "-c", killed, str(tmp_path)], cwd=ROOT, check=False, timeout=60)
    assert (tmp_path / f"{NAME}-wal").stat().st_size
    with opened(tmp_path) as store:
        told, _ = store.read_now(events.after, 50)
        assert [event.notice.sentence for event in told] == ["kept"]


# -------------------------------------------------------------------------------------------------------- while it runs


def test_a_table_that_goes_while_it_runs_is_a_sentence_and_takes_no_other_write_with_it(store: Store) -> None:
    with sqlite3.connect(store.path) as other:
        other.execute("DROP TABLE consents")
    other.close()

    async def both() -> list[object]:
        lost = store.write(lambda session: session.add(Consent(engine="x", licence="y", by="", time=now())))
        kept = store.write(lambda session: session.add(voice("bob")))
        return await asyncio.gather(lost, kept, return_exceptions=True)

    lost, kept = asyncio.run(both())
    assert isinstance(lost, DatabaseForeign)
    assert "lacks the table consents" in lost.sentence
    assert kept is None
    with pytest.raises(DatabaseForeign, match="lacks the table consents"):
        store.read_now(lambda session: session.get(Consent, "x"))
    assert store.read_now(lambda session: session.get(Voice, "bob")) is not None


def test_a_mistake_of_ours_is_not_called_the_databases(store: Store) -> None:
    with pytest.raises(Exception, match="syntax error") as caught:
        store.read_now(lambda session: session.connection().exec_driver_sql("SELEKT"))
    assert not isinstance(caught.value, MynaError)


def test_a_database_that_is_taken_away_is_not_made_anew(store: Store) -> None:
    store.path.unlink()
    store.engine.dispose()  # whoever comes next opens a connection of their own
    with pytest.raises(DatabaseRefused, match="cannot be opened"):
        store.read_now(lambda session: session.get(Voice, "anna"))
    assert not store.path.exists()


def test_what_sqlite_calls_an_error_of_the_disk_is_not_called_a_full_one(store: Store) -> None:
    """By its codes, and by a try whether there is room; the words are SQLite's own business."""
    from daemon.database.sqlite import trouble

    def raised(code: int, words: str) -> sqlite3.OperationalError:
        error = sqlite3.OperationalError(words)
        error.sqlite_errorcode = code
        return error

    assert isinstance(trouble(raised(sqlite3.SQLITE_FULL, ""), store.path), DiskFull)
    assert isinstance(trouble(raised(sqlite3.SQLITE_IOERR_SHMSIZE, "disk is full"), store.path), DatabaseRefused)
    assert isinstance(trouble(raised(sqlite3.SQLITE_READONLY_DBMOVED, ""), store.path), DatabaseRefused)
    assert isinstance(trouble(raised(sqlite3.SQLITE_CORRUPT_INDEX, ""), store.path), DatabaseDamaged)
    assert trouble(raised(sqlite3.SQLITE_CONSTRAINT, "disk I/O error, database is locked"), store.path) is None


@pytest.mark.integration
def test_a_mynad_whose_database_is_damaged_answers_with_sentences_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def life(living: Living) -> None:
        job = await living.train("measures")
        await living.worker(job)
        with sqlite3.connect(living.daemon.store.path) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        other.close()
        kept = living.daemon.store.path.read_bytes()
        living.daemon.store.path.write_bytes(os.urandom(len(kept)))
        try:
            with pytest.raises(ClientError, match="cannot be used: it is") as caught:
                await refused(living)
            assert caught.value.code == "DATA_LOSS"
            await until(lambda: living.daemon.store.trouble is not None)
        finally:
            living.daemon.store.path.write_bytes(kept)
            living.daemon.store.engine.dispose()
        await until(lambda: living.daemon.store.trouble is None, 20)
        assert (await living.now(job)).status.WhichOneof("status") == "running"
        assert living.outcomes(job) == [""]

    async def refused(living: Living) -> None:
        while True:
            await living.client.accept("glow")

    lived(tmp_path, life)
    words = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(words) == 1, words
    assert not any("Traceback" in (record.exc_text or "") for record in caplog.records)
