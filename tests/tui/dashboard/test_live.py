"""The live picture: bursts become one set of news, what is old is forgotten, a day's events leave nothing behind."""

from __future__ import annotations

import asyncio
import gc
import os
from pathlib import Path

import pytest

from proto import myna_pb2 as pb
from proto.channel import address
from proto.client_async import AsyncClient
from tests.tui.dashboard.scenes import set_scene
from tests.tui.stage.rows import NOW, job, succeeded
from tests.tui.stage.server import Stage
from tui.dashboard import live
from tui.dashboard.live import Live, Topic

pytestmark = pytest.mark.integration


async def picture(home: Path) -> Live:
    return Live(AsyncClient(address(home_folder=home)))


def test_a_burst_of_events_is_one_set_of_news(home: Path) -> None:
    async def look() -> None:
        mine = await picture(home)
        for number in range(1_000):
            mine._take(pb.Event(cursor=number + 1, job=job(number, queued=pb.JobStatus.Queued(since=NOW))))
        mine._take(pb.Event(cursor=2_000, inbox=pb.InboxEvent(voice="anna", name="a.wav", state="taken")))
        news = mine.news()
        assert await anext(news) == Topic.JOBS | Topic.INBOX
        waiting = asyncio.ensure_future(anext(news))
        done, _ = await asyncio.wait([waiting], timeout=3 * live.FRAME)
        assert not done, "news without anything new"
        waiting.cancel()

    asyncio.run(look())


def test_what_is_old_is_forgotten_and_what_lives_is_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LIVE_KEPT", 10)
    monkeypatch.setattr(live, "ENDED_KEPT", 5)

    async def look() -> None:
        mine = await picture(home)
        mine._take(pb.Event(cursor=1, job=job(1, running=pb.JobStatus.Running(started=NOW))))
        for number in range(2, 1_000):
            mine._take(pb.Event(cursor=number, job=succeeded(number)))
        assert 1 in mine.jobs
        assert 999 in mine.jobs
        assert len(mine.jobs) <= 21

    asyncio.run(look())


def test_a_days_events_leave_no_memory_and_no_files_behind(stage: Stage, home: Path) -> None:
    """864,000 s at one event a tenth of a second, shortened: a twentieth of them at once, then the same again must not
    cost anything."""
    set_scene(stage, "busy")

    def a_while(mine: Live) -> None:
        going = job(12, running=pb.JobStatus.Running(started=NOW))
        for number in range(20_000):
            going.status.running.progress.done = number
            mine._take(pb.Event(job=going))
            mine._take(
                pb.Event(cursor=number + 1, inbox=pb.InboxEvent(voice="anna", name=f"{number}.wav", state="taken"))
            )
            mine._take(pb.Event(cursor=number + 1, notice=pb.Notice(level="info", sentence=f"Number {number}.")))
            mine.samples.append(pb.SystemSample(cpu=0.5))

    async def look() -> None:
        mine = await picture(home)
        watching = asyncio.create_task(mine.run())
        news = mine.news()
        await anext(news)
        a_while(mine)
        gc.collect()
        objects, files = len(gc.get_objects()), len(os.listdir("/proc/self/fd"))
        a_while(mine)
        gc.collect()
        assert len(gc.get_objects()) - objects < 500
        assert len(os.listdir("/proc/self/fd")) <= files
        assert (len(mine.inbox), len(mine.samples), len(mine.notices)) == (
            live.FILES_KEPT,
            live.SAMPLES_KEPT,
            live.FILES_KEPT,
        )
        watching.cancel()

    asyncio.run(look())


def test_a_daemon_that_comes_and_goes_leaves_no_files_behind(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def look() -> None:
        mine = await picture(home)
        watching = asyncio.create_task(mine.run())

        news = mine.news()

        async def until(up: bool) -> None:
            async with asyncio.timeout(10):
                while mine.link.up is not up:
                    await anext(news)

        counts = []
        for _ in range(4):
            await until(True)
            stage.close()
            await until(False)
            counts.append(len(os.listdir("/proc/self/fd")))
            stage.open()
        assert counts[-1] <= counts[1], f"open files grew: {counts}"
        watching.cancel()

    asyncio.run(look())


def test_what_is_next_with_a_voice_is_asked_again_when_its_job_has_ended(stage: Stage, home: Path) -> None:
    """mynad tells of a voice while the training that made its version still runs."""
    set_scene(stage, "busy")
    anna = next(row for row in stage.voices.rows if row.name == "anna")
    anna.next = "train anna (train #12, now)"

    async def look() -> None:
        mine = await picture(home)
        watching = asyncio.create_task(mine.run())
        news = mine.news()
        async with asyncio.timeout(10):
            await anext(news)
            assert mine.voices["anna"].next == "train anna (train #12, now)"
            anna.next = "is up to date: add recordings to make it better"
            stage.jobs.tell(job=succeeded(12))
            while mine.voices["anna"].next != anna.next:
                await anext(news)
        watching.cancel()

    asyncio.run(look())
