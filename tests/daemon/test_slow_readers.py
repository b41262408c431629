"""Who reads slowly over the wire loses nothing, makes mynad hold little, and keeps nobody else waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from living_daemon import Living, lived
from sqlalchemy.orm import Session
from voice_rows import version

from daemon.database.models import now
from daemon.scheduling import speech
from daemon.state import events, runs
from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs
from proto.client_async import connect_async

pytestmark = pytest.mark.integration
POINTS, AT_ONCE = 200_000, 20_000
NOTICES = 10_000
LINES = 10_000
SOON = 20.0  #: seconds in which others must have all of it
HELD = 60e6  #: bytes that both ends of it may hold in this process, at most
HELD_SOUND = 75e6  #: likewise, of 100e6 bytes of speech


async def all_points(stream: Any) -> list[int]:
    """Steps in the order in which they came."""
    return [step async for batch in stream for series in batch.series for step in series.steps]


@asynccontextmanager
async def held(living: Living) -> AsyncIterator[tuple[stubs.RunsStub, stubs.JobsStub, Callable[[], float]]]:
    """A second connection, for who reads slowly, and by how many bytes this process has grown since it began."""
    process = psutil.Process()
    async with connect_async(home=living.daemon.home) as other:
        runs_stub, jobs_stub = stubs.RunsStub(other.channel), stubs.JobsStub(other.channel)
        before = process.memory_info().rss
        yield runs_stub, jobs_stub, lambda: process.memory_info().rss - before


@pytest.mark.long
def test_who_watches_points_slowly(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        store = living.daemon.store
        store.write_now(lambda session: version(session, 1))

        def more(session: Session, first: int) -> None:
            steps = range(first, first + AT_ONCE)
            runs.add_points(session, 1, [pb.Series(name="loss", steps=steps, values=map(float, steps))])

        async with held(living) as (slow_stub, _, grown):
            slow, quick = aiter(slow_stub.WatchPoints(pb.WatchPointsRequest(run=1))), living.client.watch_points(1)
            fast = asyncio.create_task(all_points(quick))
            for first in range(0, POINTS, AT_ONCE):
                await store.write(more, first)
                living.daemon.points.stored(1)
                if first == 0:
                    seen = list((await anext(slow)).series[0].steps)  # from here on it does not read
            await store.write(lambda session: setattr(runs.get(session, 1), "ended", now()))
            living.daemon.points.stored(1)
            async with asyncio.timeout(SOON):
                assert await fast == list(range(POINTS))
            del fast
            assert grown() < HELD
            async with asyncio.timeout(SOON):
                assert seen + await all_points(slow) == list(range(POINTS))

    lived(tmp_path, life)


def test_who_watches_events_slowly(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        def some(session: Session) -> None:
            for _ in range(1_000):
                events.notice(session, "info", "Something happened. " * 20)

        start = (await living.client.info()).cursor
        async with held(living) as (_, slow_stub, grown):
            slow = aiter(slow_stub.Watch(pb.WatchRequest(after=start, progress=True)))
            await living.daemon.store.write(some)
            seen = [(await anext(slow)).cursor]  # from here on it does not read
            for _ in range(NOTICES // 1_000 - 1):
                await living.daemon.store.write(some)
            async with asyncio.timeout(SOON):
                quick = [event.cursor async for event in first_of(living.client.watch(start), NOTICES)]
            assert quick == list(range(start + 1, start + 1 + NOTICES))
            assert grown() < HELD
            async with asyncio.timeout(SOON):
                assert seen + [event.cursor async for event in first_of(slow, NOTICES - 1)] == quick

    lived(tmp_path, life)


@pytest.mark.long
def test_who_follows_a_log_slowly(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        job = await living.train("steps")
        await living.worker(job)
        async with held(living) as (_, slow_stub, grown):
            slow = aiter(slow_stub.Logs(pb.LogsRequest(id=job, follow=True)))
            await anext(slow)  # from here on it does not read
            for first in range(0, LINES, 500):
                living.daemon.logs.append(
                    job, 1, [(0, "info", f"line {n} {'x' * 12_000}") for n in range(first, first + 500)]
                )
                await living.daemon.logs.wait_for_space()
            async with asyncio.timeout(SOON):
                assert (await living.client.info()).pid
            most, texts = grown(), list[str]()
            await living.client.cancel(job)
            async with asyncio.timeout(SOON * 2):
                async for line in slow:
                    if line.text.startswith("line "):
                        texts.append(line.text.split()[1])
                        most = max(most, grown() if len(texts) % 500 == 0 else 0.0)
            assert texts == [str(n) for n in range(LINES)]
            assert most < HELD

    lived(tmp_path, life)


def test_who_listens_slowly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "BUFFER", 4_000_000)

    async def life(living: Living) -> None:
        async with held(living) as (_, _, grown):
            spec = pb.SpeakSpec(voice="anna", text="chunks=250 done")  # 100 MB
            slow = living.client.synthesize(spec)
            job = (await anext(slow)).job  # from here on it does not read
            stream = living.daemon.speech._streams[job]
            async with stream.changed, asyncio.timeout(SOON):
                await stream.changed.wait_for(lambda: stream.size >= speech.BUFFER)
            assert (await living.client.info()).pid
            assert grown() < HELD_SOUND
            async with asyncio.timeout(SOON * 2):
                size = sum([len(audio.samples) async for audio in slow])
            assert size == 250 * 400_000 + 2 * 4

    lived(tmp_path, life)


async def first_of(stream: Any, count: int) -> AsyncIterator[Any]:
    """So many things of a stream."""
    async for thing in stream:
        yield thing
        count -= 1
        if not count:
            return
