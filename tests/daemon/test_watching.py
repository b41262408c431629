"""Noticing changes: what inotify tells, and what is done where it is silent."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from inbox_workshop import write_wav
from sqlalchemy import select

from daemon.database.models import Job
from daemon.database.store import Store
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
    from watchdog.observers import inotify

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(inotify.InotifyObserver, "schedule", full)

    async def scenario() -> None:
        watch = Watch(tmp_path, "never")
        await watch.start()
        assert "no room for another watch" in watch.why_polling
        watch.stop()

    asyncio.run(scenario())
