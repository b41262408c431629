"""Another program holds the database for a while: whoever writes waits, whoever reads does not notice, and nothing
fails for good."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from living_daemon import Living, lived

from daemon.database.models import Voice, now
from daemon.database.store import Store, opened
from daemon.errors import DatabaseHeld
from daemon.state import runs
from proto import myna_pb2 as pb
from proto.client import ClientError
from tests.waits import until

ROOT = Path(__file__).resolve().parents[2]
#: what another program does: says that it has the lock, and lets go when its input ends
HOLDER = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    database.execute(statement).fetchall()
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(path: Path, *statements: str) -> Iterator[None]:
    """Another process has the database's write lock for the length of the block."""
    command = [sys.executable, "-c", HOLDER, str(path), *(statements or ("BEGIN IMMEDIATE",))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            other.stdin.close()
            other.wait(10)


def voice(name: str) -> Voice:
    return Voice(name=name, language="en", engine="glow", options={}, created=now())


def reads_then_writes(store: Store, name: str) -> None:
    """What most requests do: look first, then write."""

    def act(session: object) -> None:
        assert session.get(Voice, name) is None  # type: ignore[attr-defined]
        session.add(voice(name))  # type: ignore[attr-defined]

    store.write_now(act)


def test_a_write_waits_for_the_lock_and_is_done_once(store: Store) -> None:
    async def scenario() -> None:
        with held(store.path):
            writing = asyncio.create_task(asyncio.to_thread(reads_then_writes, store, "bob"))
            await until(lambda: store.trouble is not None)  # one try for the lock is over
            assert not writing.done()
        await asyncio.wait_for(writing, 10)

    asyncio.run(scenario())
    assert store.read_now(lambda session: session.get(Voice, "bob")) is not None


def test_who_reads_does_not_wait(store: Store) -> None:
    with held(store.path):
        began = time.monotonic()
        assert store.read_now(lambda session: session.get(Voice, "anna")) is not None
        assert time.monotonic() - began < 0.2


def test_a_lock_that_stays_is_a_sentence_to_each_caller_and_nothing_of_what_they_asked_is_done_later(
    store: Store,
) -> None:
    store.patience = 0.5

    async def scenario() -> list[object]:
        with held(store.path):
            asked = [store.write(lambda session, n=n: session.add(voice(f"v{n}"))) for n in range(3)]  # type: ignore[misc]
            return await asyncio.gather(*asked, return_exceptions=True)

    for refused in asyncio.run(scenario()):
        assert isinstance(refused, DatabaseHeld)
        assert "Another program holds the database" in refused.sentence
        assert refused.code == "UNAVAILABLE"
    reads_then_writes(store, "bob")
    assert store.read_now(lambda session: session.get(Voice, "v0")) is None


def test_the_log_tells_of_a_lock_once_and_of_its_end(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    store.patience = 3.0
    caplog.set_level(logging.INFO, "mynad.store")
    with held(store.path):
        for name in ("bob", "carl"):
            with pytest.raises(DatabaseHeld):
                reads_then_writes(store, name)
    reads_then_writes(store, "dora")
    words = [record.getMessage() for record in caplog.records if record.name == "mynad.store"]
    assert len([line for line in words if "Another program holds" in line]) == 1
    assert len([line for line in words if "again" in line and "Another" not in line]) == 1


def test_a_store_that_is_closed_while_the_lock_is_held_ends(tmp_path: Path) -> None:
    store = Store(tmp_path, patience=0.5)
    with held(store.path):
        waiting = store._submit(lambda session: session.add(voice("bob")))
        store.close()
    with pytest.raises(DatabaseHeld):
        waiting.result(0)


def test_a_migration_waits_for_the_lock(tmp_path: Path) -> None:
    released = Path(__file__).parent / "migration" / "released" / "0.1.0.sql"
    with sqlite3.connect(tmp_path / "myna.db") as connection:
        connection.executescript(released.read_text())
        connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    with held(tmp_path / "myna.db"), pytest.raises(DatabaseHeld):
        Store(tmp_path, patience=0.5)
    with opened(tmp_path) as store:
        assert store.read_now(lambda session: session.get(Voice, "anna")) is not None


def test_a_reader_that_stays_does_not_keep_writes_from_being_done(store: Store) -> None:
    """It only keeps the log from being carried over into the database (the checkpoint), which is done when it has
    gone."""
    with held(store.path, "BEGIN", "SELECT * FROM voices"):
        for number in range(30):
            store.write_now(lambda session, number=number: session.add(voice(f"v{number}")))  # type: ignore[misc]
        store.write_now(lambda session: session.connection().exec_driver_sql("SELECT 1"))
    reads_then_writes(store, "bob")


# -------------------------------------------------------------------------------------------------------- a whole mynad


@pytest.mark.integration
@pytest.mark.parametrize("patience", [pytest.param(20.0, marks=pytest.mark.slow), 0.5])
def test_a_training_goes_on_when_the_lock_is_let_go(tmp_path: Path, patience: float) -> None:
    """However long its reports wait for the lock; and who only asks is answered meanwhile."""

    async def life(living: Living) -> None:
        living.daemon.store.patience = patience
        job = await living.train("measures")
        await living.worker(job)
        with held(living.daemon.store.path):
            await until(lambda: living.daemon.store.trouble is not None)
            began = time.monotonic()
            info = await living.client.info()
            assert time.monotonic() - began < 0.5
            assert info.jobs["running"] == 1
            with pytest.raises(ClientError, match="Another program holds the database") as caught:
                await asyncio.wait_for(
                    living.client.submit(pb.JobSpec(speak=pb.SpeakSpec(voice="anna", text="hello"))), 25
                )
            assert caught.value.code == "UNAVAILABLE"
        before = points_of(living)
        await until(lambda: points_of(living) > before)
        assert living.outcomes(job) == [""]

    lived(tmp_path, life)


@pytest.mark.integration
def test_a_job_that_ends_under_the_lock_has_ended_well_when_it_is_let_go(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        living.daemon.store.patience = 0.5
        job = await living.speak(f"until={tmp_path / 'go'}")
        await living.worker(job)
        with held(living.daemon.store.path):
            (tmp_path / "go").touch()
            await until(living.daemon.scheduler.attempts[job]._end.done)
            await until(lambda: living.daemon.store.trouble is not None)
        await living.until(job, "succeeded")

    lived(tmp_path, life)


def points_of(living: Living) -> int:
    """How many points the first run has."""
    return sum(len(series.steps) for series in living.daemon.store.read_now(runs.points, 1))


@pytest.mark.slow
@pytest.mark.integration
def test_a_mynad_that_cannot_get_at_its_database_ends_with_a_sentence_and_is_tried_again(tmp_path: Path) -> None:
    """Exit code 1: systemd starts it again, where 2 would keep it down."""
    Store(tmp_path).close()
    environment = {**os.environ, "MYNA_HOME": str(tmp_path)}
    with held(tmp_path / "myna.db"):
        ended = subprocess.run(
            [sys.executable, "-m", "daemon.main"], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60
        )
    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    assert len([line for line in ended.stderr.splitlines() if "ERROR" in line and "Another program holds" in line]) == 1
    assert ended.stderr.splitlines()[-1].startswith("mynad: Another program holds the database")
