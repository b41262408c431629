"""Noticing changes: what inotify tells, and what is done where it is silent."""

from __future__ import annotations

import asyncio
import errno
import shutil
import subprocess
from collections.abc import Coroutine
from pathlib import Path

import pytest
from deep_folders import nest
from inbox_workshop import write_wav
from inotify_simple import INotify
from sqlalchemy import select

from daemon.database.models import Job
from daemon.database.store import Store
from daemon.inbox.arrivals import DEEPEST
from daemon.inbox.file_events import Watch, file_system
from daemon.inbox.watcher import Inbox
from daemon.kinds.lifecycle import Lifecycle
from daemon.kinds.registry import Kinds
from daemon.settings import Settings

pytestmark = pytest.mark.integration


async def submitted(store: Store, seconds: float = 10.0) -> Job:
    """The first ingest job, once there is one."""
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()
    store.on_commit(lambda happened: loop.call_soon_threadsafe(changed.set))
    async with asyncio.timeout(seconds):
        while True:
            if (job := await store.read(lambda session: session.scalars(select(Job)).first())) is not None:
                return job
            await changed.wait()
            changed.clear()


@pytest.mark.parametrize("poll", ["never", "always"])
def test_a_dropped_file_is_noticed_with_and_without_inotify(store: Store, poll: str) -> None:
    async def scenario() -> None:
        home = store.path.parent
        settings = Settings(settle=0.2, poll=poll, min_free_disk=0)
        running = asyncio.create_task(Inbox(home, settings, store, Lifecycle(Kinds(home, settings))).run())
        try:
            write_wav(home / "inbox" / "anna" / "deep" / "down" / "a.wav")
            job = await submitted(store)
            assert (job.kind, job.voice) == ("ingest", "anna")
        finally:
            running.cancel()

    asyncio.run(scenario())


def test_files_that_lay_there_before_the_start_are_noticed(store: Store) -> None:
    async def scenario() -> None:
        home = store.path.parent
        write_wav(home / "inbox" / "anna" / "a.wav")
        settings = Settings(settle=0.2, min_free_disk=0)
        running = asyncio.create_task(Inbox(home, settings, store, Lifecycle(Kinds(home, settings))).run())
        try:
            await submitted(store)
        finally:
            running.cancel()

    asyncio.run(scenario())


def test_events_name_the_files_and_hidden_ones_wake_nobody(tmp_path: Path) -> None:
    async def scenario() -> None:
        (tmp_path / "anna").mkdir()
        watch = Watch(tmp_path, "never")
        await watch.start()
        try:
            (tmp_path / "anna" / ".upload-1").write_bytes(b"x")
            (tmp_path / "anna" / "a.wav").write_bytes(b"x")
            seen: set[bytes] = set()
            async with asyncio.timeout(5):
                while b"anna/a.wav" not in seen:
                    await watch.changed.wait()
                    seen |= watch.take()
            assert not any(b"/." in path for path in seen)
        finally:
            watch.stop()

    asyncio.run(scenario())


def test_a_network_mount_is_polled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        for kind, polled in (
            ("nfs4", True),
            ("fuse.sshfs", True),
            ("cifs", True),
            ("ext4", False),
            ("btrfs", False),
            ("overlay", False),
        ):
            monkeypatch.setattr("daemon.inbox.file_events.file_system", lambda path, kind=kind: kind)
            assert bool(Watch(tmp_path, "auto").why_polling) == polled, kind
            assert not Watch(tmp_path, "never").why_polling

    asyncio.run(scenario())


def test_the_file_system_of_a_folder_is_known() -> None:
    assert file_system(Path("/proc")) == "proc"


def test_where_the_system_has_no_room_for_another_watch_it_polls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    monkeypatch.setattr(INotify, "add_watch", full)

    async def scenario() -> None:
        watch = Watch(tmp_path, "never")
        await watch.start()
        assert "no room for another watch" in watch.why_polling
        watch.stop()

    asyncio.run(scenario())


def test_where_room_for_watches_ends_later_it_polls_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    async def scenario() -> None:
        watch = Watch(tmp_path, "never")
        await watch.start()
        monkeypatch.setattr(INotify, "add_watch", full)
        (tmp_path / "anna").mkdir()
        async with asyncio.timeout(5):
            await watch.changed.wait()
        assert "no room for another watch" in watch.why_polling
        watch.stop()

    asyncio.run(scenario())


def until(watch: Watch, wanted: bytes) -> Coroutine[None, None, set[bytes]]:
    """Paths that were touched, up to one that is wanted."""

    async def look() -> set[bytes]:
        seen: set[bytes] = set()
        async with asyncio.timeout(20):
            while wanted not in seen:
                await watch.changed.wait()
                seen |= watch.take()
        return seen

    return look()


def test_nine_hundred_nested_folders_are_watched_as_deep_as_the_inbox_is_looked_into(tmp_path: Path) -> None:
    """Each was walked again at every event of it: paths of 2 kB, half a million times."""

    async def scenario() -> None:
        watch = Watch(tmp_path, "never")
        await watch.start()
        try:
            await asyncio.to_thread(nest, tmp_path, 900)
            (tmp_path / "last").write_bytes(b"x")
            await until(watch, b"last")
            assert watch._folders is not None
            assert len(watch._folders._watches) == DEEPEST + 1
        finally:
            watch.stop()

    try:
        asyncio.run(scenario())
    finally:
        subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)  # pytest's own clearing away recurses


def test_a_folder_that_is_moved_is_told_of_under_its_new_name_only(tmp_path: Path) -> None:
    async def scenario() -> None:
        (tmp_path / "anna" / "deep").mkdir(parents=True)
        watch = Watch(tmp_path, "never")
        await watch.start()
        try:
            (tmp_path / "anna").rename(tmp_path / "bert")
            await until(watch, b"bert")
            (tmp_path / "bert" / "deep" / "a.wav").write_bytes(b"x")
            seen = await until(watch, b"bert/deep/a.wav")
            assert not any(path.startswith(b"anna/") for path in seen)
        finally:
            watch.stop()

    asyncio.run(scenario())


def test_what_lies_in_a_folder_that_is_moved_in_is_told_of(tmp_path: Path) -> None:
    async def scenario() -> None:
        (inbox := tmp_path / "inbox").mkdir()
        (tmp_path / "take" / "one").mkdir(parents=True)
        (tmp_path / "take" / "one" / "a.wav").write_bytes(b"x")
        watch = Watch(inbox, "never")
        await watch.start()
        try:
            (tmp_path / "take").rename(inbox / "anna")
            await until(watch, b"anna/one/a.wav")
        finally:
            watch.stop()

    asyncio.run(scenario())


def test_a_folder_that_comes_again_is_watched_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        watch = Watch(tmp_path, "never")
        await watch.start()
        try:
            for _ in range(3):
                (tmp_path / "anna").mkdir()
                (tmp_path / "anna" / "a.wav").write_bytes(b"x")
                await until(watch, b"anna/a.wav")
                shutil.rmtree(tmp_path / "anna")
        finally:
            watch.stop()

    asyncio.run(scenario())
