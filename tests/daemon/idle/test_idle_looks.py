"""What one look at an idle mynad counts, and what becomes of one that failed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from living_daemon import Living, lived

from daemon.database.store import Store
from daemon.errors import StoreTrouble
from daemon.idle.activity import Activity
from daemon.idle.decision import Idleness, Step
from daemon.idle.waiting import WaitingForIdleness
from daemon.idle_settings import WhenIdle
from daemon.machine import lazy_gpus
from daemon.notices.outbox import Unsent
from proto import myna_pb2 as pb
from tests.waits import goes_on

pytestmark = pytest.mark.integration


def test_who_sends_and_is_sent_at_once_keeps_it_up() -> None:
    """As a recording comes whose conversion goes out."""
    activity = Activity()

    async def convert(parts: AsyncIterator[int], context: object) -> AsyncIterator[int]:
        async for part in parts:
            yield part

    async def parts() -> AsyncIterator[int]:
        yield 1
        yield 2

    async def life() -> list[tuple[int, int]]:
        counted = activity.over("/myna.v1.Speech/Convert", grpc.stream_stream_rpc_method_handler(convert))
        return [(part, activity.streams) async for part in counted.stream_stream(parts(), None)]

    assert asyncio.run(life()) == [(1, 1), (2, 1)]
    assert activity.streams == 0


def test_a_disk_that_does_not_answer_does_not_end_the_watch_of_gpus(store: Store) -> None:
    async def life() -> None:
        looks, enough = 0, asyncio.Event()

        async def sample() -> pb.SystemSample:
            nonlocal looks
            looks += 1
            if looks < 3:
                raise OSError(116, "Stale file handle")
            enough.set()
            return pb.SystemSample()

        await goes_on(lazy_gpus.watch(sample, store, lambda pid: 0, every=0.0), enough)

    asyncio.run(life())


def test_what_the_database_did_not_let_it_do_the_next_look_does(tmp_path: Path) -> None:
    async def life(running: Living) -> None:
        daemon, asked = running.daemon, 0

        async def unsent() -> list[Unsent]:
            nonlocal asked
            asked += 1
            if asked == 2:  # it was seen that it is to be done, and is begun
                raise StoreTrouble("The database is held by another program.", "")
            return []

        settings = WhenIdle(do="shutdown", dry_run=True, after="0.6 s", notice="0.6 s")
        activity = Activity()
        activity.asked = 0.0
        idle = WaitingForIdleness(
            daemon.store, settings, activity, daemon.launcher, list, lambda: 0, unsent, lambda: ()
        )
        idle._idle = Idleness(since=0.0, announced=0.0)
        with pytest.raises(StoreTrouble):
            await idle.look()
        assert await idle.look() is Step.ACT
        assert await idle.look() is Step.NOTHING, "it is done once"

    lived(tmp_path / "home", life)
