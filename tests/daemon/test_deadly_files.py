"""One file that ends the worker costs its neighbours nothing: it is known by name, tried once more alone, and refused.

Everything is real: the daemon, its inbox, its workers, their deaths.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from dying_worker import KILLER, LATE_KILLER
from inbox_workshop import write_wav
from living_daemon import Living, lived
from sqlalchemy import select

from daemon.database.models import Attempt, Clip, Job, Recording
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration

#: Seconds a scenario may take on a busy machine; alone it takes some ten.
BOUND = 240.0
DYING = (sys.executable, str(Path(__file__).with_name("dying_worker.py")))


def drop(folder: Path, name: str, pitch: float, deadly: bytes = b"") -> Path:
    """A WAV file that `deadly` follows as a chunk of its own; it appears whole."""
    path = write_wav(folder.parent.parent / name, pitch=pitch)
    with path.open("ab") as file:
        file.write(b"note" + len(deadly).to_bytes(4, "little") + deadly if deadly else b"")
    folder.mkdir(parents=True, exist_ok=True)
    return path.rename(folder / name)


def taken(living: Living) -> list[str]:
    query = select(Recording.name).where(Recording.voice == "bo").order_by(Recording.name)
    return living.daemon.store.read_now(lambda session: list(session.scalars(query)))


def attempts(living: Living, kind: str) -> list[str]:
    """How the attempts at all jobs of a kind ended, in order."""
    query = select(Attempt.outcome).join(Job, Job.id == Attempt.job).where(Job.kind == kind).order_by(Attempt.id)
    return living.daemon.store.read_now(lambda session: list(session.scalars(query)))


async def ended(living: Living, kind: pb.JobKind.ValueType, seconds: float = BOUND) -> pb.Job:
    """The first job of a kind to end from here on."""
    async with asyncio.timeout(seconds):
        async for event in living.daemon.events.watch(living.cursor):
            living.cursor = event.cursor
            if event.job.kind == kind and event.job.status.WhichOneof("status") in ("succeeded", "failed"):
                return event.job
    raise AssertionError


@pytest.mark.long
@pytest.mark.parametrize("killers", [("3.wav",), ("0.wav", "1.wav", "4.wav")])
def test_of_deadly_files_each_is_refused_and_every_neighbour_is_taken(tmp_path: Path, killers: tuple[str, ...]) -> None:
    """One: the neighbours are there after the second attempt, and the third refuses it. Three: each may end two
    attempts, no more."""

    async def life(living: Living) -> None:
        folder = tmp_path / "inbox" / "bo"
        for index in range(6):
            name = f"{index}.wav"
            drop(folder, name, 200 + index, KILLER if name in killers else b"")
        job = await ended(living, pb.INGEST)
        assert job.status.WhichOneof("status") == "succeeded"
        assert attempts(living, "ingest") == ["crashed"] * 2 * len(killers) + ["succeeded"]
        assert taken(living) == [f"{index}.wav" for index in range(6) if f"{index}.wav" not in killers]
        for name in killers:
            assert "ended the worker 2 times" in (folder / ".refused" / f"{name}.why.txt").read_text()
            assert not (folder / name).exists()

    lived(tmp_path, life, DYING, settle=1.5)


def test_the_neighbours_of_a_deadly_file_are_taken_by_the_second_attempt(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        folder = tmp_path / "inbox" / "bo"
        for index in range(6):
            drop(folder, f"{index}.wav", 200 + index, KILLER if index == 0 else b"")
        crashes, seen = 0, 0
        async with asyncio.timeout(BOUND):
            async for event in living.daemon.events.watch(living.cursor):
                if event.job.kind == pb.INGEST and event.job.attempts > seen and event.job.status.HasField("queued"):
                    seen, crashes = event.job.attempts, crashes + 1
                    if crashes == 2:
                        assert taken(living) == [f"{index}.wav" for index in range(1, 6)]
                        return

    lived(tmp_path, life, DYING, settle=1.5)


def test_another_file_under_the_name_of_a_deadly_one_is_taken(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        folder = tmp_path / "inbox" / "bo"
        drop(folder, "a.wav", 200, KILLER)
        async with asyncio.timeout(BOUND):
            async for event in living.daemon.events.watch(living.cursor):
                if event.job.kind == pb.INGEST and event.job.attempts == 1 and event.job.status.HasField("queued"):
                    drop(folder, "a.wav", 201)
                    break
        await ended(living, pb.INGEST)
        assert taken(living) == ["a.wav"]

    lived(tmp_path, life, DYING, settle=1.5)


@pytest.mark.long
def test_a_recording_that_ends_the_cutting_worker_is_one_dropped_clip(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        folder = tmp_path / "inbox" / "bo"
        for index in range(3):
            drop(folder, f"{index}.wav", 200 + index, LATE_KILLER if index == 0 else b"")
        job = await ended(living, pb.DATASET)
        assert job.status.WhichOneof("status") == "succeeded"
        assert attempts(living, "dataset") == ["crashed", "crashed", "succeeded"]
        query = (
            select(Recording.name, Clip.reason)
            .join(Clip, Clip.recording == Recording.id)
            .where(Recording.voice == "bo")
        )
        reasons = dict(living.daemon.store.read_now(lambda session: session.execute(query).all()))
        assert reasons.pop("0.wav") == "unreadable"
        assert set(reasons) == {"1.wav", "2.wav"}
        assert "unreadable" not in reasons.values()

    lived(tmp_path, life, DYING, settle=1.5, auto_train_quiet=0.5)
