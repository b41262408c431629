"""What goes wrong while files are taken: they vanish, grow or may not be read, the disk is full, the line to mynad
breaks."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import lives
import pytest
from inbox_workshop import InProcessChannel, Workshop, write_wav

from daemon.kinds.ingest import worker as ingest
from engines.errors import DiskFull

pytestmark = pytest.mark.integration


def test_a_file_that_vanishes_midway_stops_nothing(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        for index in range(3):
            write_wav(workshop.anna / f"{index}.wav", pitch=200 + index)
        await workshop.wait(4.0)
        (workshop.anna / "1.wav").unlink()
        await workshop.work()
        assert [row.name for row in workshop.recordings()] == ["0.wav", "2.wav"]
        assert workshop.jobs()[0].state == "succeeded"

    alive(scenario)


def test_a_file_that_grows_again_while_it_is_copied_is_left_and_taken_whole_later(
    alive: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = ingest.copy_synced

    async def scenario(workshop: Workshop) -> None:
        whole = write_wav(workshop.home / "whole.wav", 2.0).read_bytes()
        path = workshop.anna / "a.wav"
        path.write_bytes(whole[:20_000])

        def grows(original: object, target: Path, alive: object) -> str:
            digest = copy(original, target, alive)
            with path.open("ab") as file:
                file.write(whole[20_000:])
            monkeypatch.setattr(ingest, "copy_synced", copy)
            return digest

        monkeypatch.setattr(ingest, "copy_synced", grows)
        await workshop.wait(4.0)
        await workshop.work()
        assert not workshop.recordings()
        assert workshop.left() == ["a.wav"]
        await workshop.all()
        assert (workshop.home / workshop.recordings()[0].path).read_bytes() == whole

    alive(scenario)


def test_a_file_that_may_not_be_read_is_refused(alive: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read everything, so that the refusal of the kernel is played here; the test below asks the kernel
    itself."""
    opened = os.open

    def closed_to_us(path: object, *rest: object, **more: object) -> int:
        if path == b"a.wav":
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, *rest, **more)  # type: ignore[arg-type]

    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.anna / "a.wav")
        monkeypatch.setattr(os, "open", closed_to_us)
        await workshop.all()
        monkeypatch.undo()
        assert "may not be read" in workshop.refused()["a.wav"]

    alive(scenario)


def test_unreadable_files_and_folders_as_another_user() -> None:
    """The same with a real user without rights, in a process of its own."""
    code = """
import asyncio, os, sys
sys.path[:0] = [sys.argv[2], os.path.join(sys.argv[2], "tests", "daemon")]
from pathlib import Path
from daemon.database.store import Store
from inbox_workshop import Workshop, write_wav
home = Path(sys.argv[1])
async def scenario():
    workshop = Workshop(Store(home), home)
    write_wav(workshop.anna / "fine.wav", pitch=300)
    await workshop.all()  # as root, so that everything is imported: Python itself may lie where others cannot read
    write_wav(workshop.anna / "a.wav")
    (workshop.anna / "closed").mkdir()
    for path in [home, *home.rglob("*")]:
        os.chmod(path, 0o777 if path.is_dir() else 0o666)
    os.chmod(workshop.anna / "a.wav", 0)
    os.chmod(workshop.anna / "closed", 0)
    if os.getuid() == 0:
        os.setresuid(65534, 65534, 65534)
    await workshop.all()
    assert "may not be read" in workshop.refused()["a.wav"], workshop.refused()
    assert any("closed cannot be read" in sentence for sentence in workshop.notices()), workshop.notices()
    assert [row.name for row in workshop.recordings()] == ["fine.wav"]
asyncio.run(scenario())
"""
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o777)
        root = str(Path(__file__).parents[2])
        done = subprocess.run([sys.executable, "-c", code, home, root], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr


def test_a_full_disk_fails_the_job_with_a_sentence_and_work_goes_on_when_there_is_room(
    alive: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = ingest.copy_synced
    room = {"files": 2}

    def small(original: object, target: Path, alive: object) -> str:
        if room["files"] <= 0:
            target.write_bytes(b"half of i")
            raise OSError(errno.ENOSPC, "No space left on device")
        room["files"] -= 1
        return copy(original, target, alive)

    monkeypatch.setattr(ingest, "copy_synced", small)

    async def scenario(workshop: Workshop) -> None:
        sources = {
            f"{index}.wav": write_wav(workshop.anna / f"{index}.wav", pitch=200 + index).read_bytes()
            for index in range(6)
        }
        await workshop.wait(4.0)
        await workshop.work()
        (job,) = workshop.jobs()
        assert (job.state, job.error_kind) == ("failed", "disk-full")
        assert "disk is full" in job.why
        assert len(workshop.left()) == 4
        assert not list((workshop.home / "recordings" / ".incoming").iterdir()), "nothing half-written stays"
        for row in workshop.recordings():
            assert (workshop.home / row.path).read_bytes() == sources[row.name]
        await workshop.wait(30.0)
        await workshop.work()
        failed = len(workshop.jobs())
        assert failed <= 4, "it is tried again ever more rarely"
        room["files"] = 100
        await workshop.wait(60.0)
        await workshop.work()
        assert {row.name: (workshop.home / row.path).read_bytes() for row in workshop.recordings()} == sources
        assert workshop.left() == []

    alive(scenario)


def test_nothing_is_copied_where_too_little_would_stay_free(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        (workshop.home / "myna.toml").write_text("min_free_disk = 9_000_000_000_000_000\n")
        write_wav(workshop.anna / "a.wav")
        await workshop.wait(4.0)
        (job,) = workshop.jobs()
        assert "GB short" in workshop.store.read_now(
            lambda session: lives.kind(session, "ingest").why_not(session, job)
        )
        await workshop.work()  # the scheduler would not have begun it; the worker looks for itself
        assert workshop.jobs()[0].error_kind == "disk-full"
        assert workshop.left() == ["a.wav"]

    alive(scenario)


def test_a_full_disk_in_the_database_leaves_the_inbox_waiting(
    alive: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from daemon.errors import DiskFull as DatabaseFull

    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.anna / "a.wav")
        await workshop.wait(1.0)
        write = workshop.store.write

        async def full(*arguments: object, **more: object) -> object:
            raise DatabaseFull("The disk that holds Myna's state is full.")

        monkeypatch.setattr(workshop.store, "write", full)
        await workshop.wait(4.0)
        monkeypatch.setattr(workshop.store, "write", write)
        assert not workshop.jobs()
        await workshop.all(10.0)
        assert len(workshop.recordings()) == 1

    alive(scenario)


def test_a_dying_line_is_no_bad_input(alive: Callable[..., None]) -> None:
    """A full disk in mynad itself, while it stores what was taken, reaches the worker as no acknowledgement; the file
    stays."""

    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.anna / "a.wav")

        def arm(channel: InProcessChannel) -> None:
            def no_ack(report: object) -> None:
                raise DiskFull("The disk that holds Myna's state is full.")

            workshop.arm = lambda channel: None
            channel.commit = no_ack  # type: ignore[method-assign,assignment]

        workshop.arm = arm
        await workshop.wait(4.0)
        await workshop.work()
        assert workshop.left() == ["a.wav"]
        assert not workshop.refused()
        await workshop.all(10.0)
        assert len(workshop.recordings()) == 1

    alive(scenario)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ten_thousand_files_at_once_are_all_taken(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        whole = bytearray(write_wav(workshop.home / "one.wav", 0.2).read_bytes())
        for index in range(10_000):
            whole[-4:] = index.to_bytes(4, "little")
            (workshop.anna / f"{index:05}.wav").write_bytes(whole)
        began = time.monotonic()
        await workshop.wait(4.0)
        looked = time.monotonic() - began
        assert len(workshop.jobs()) == 20, "a few hundred files a job"
        await workshop.work()
        took = time.monotonic() - began
        print(f"\n10,000 files: looked at in {looked:.1f} s, taken in {took:.1f} s, {10_000 / took:.0f} files/s")
        assert len(workshop.recordings()) == 10_000
        assert workshop.left() == []

    alive(scenario)
