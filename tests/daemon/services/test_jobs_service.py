"""The Jobs and Runs services as a client meets them, over the socket of a whole mynad whose queue stands still (no room
on the disk)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from living_daemon import Living, lived
from sqlalchemy.orm import Session

from daemon.database.models import Job, Run, now
from daemon.state import runs
from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs
from proto.client import ClientError

pytestmark = pytest.mark.integration

INGEST = pb.JobSpec(ingest=pb.IngestSpec(voice="anna", files=[b"a.wav"]))
#: bytes that no disk has free
NO_ROOM = 10**18


@pytest.fixture
def still(tmp_path: Path) -> Callable[[Callable[[Living], Awaitable[None]]], None]:
    """Runs a coroutine function with a mynad that starts no job."""
    return lambda life: lived(tmp_path / "home", life, min_free_disk=NO_ROOM)


async def refused(call: Any, request: Any) -> tuple[grpc.StatusCode, str]:
    """(status code, sentence) of a call that must be refused."""

    async def ask() -> None:
        answer = call(request)
        await (some(answer, 1) if hasattr(answer, "__aiter__") else answer)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ask()
    return caught.value.code(), caught.value.details() or ""


async def some(stream: AsyncIterator[Any], count: int) -> list[Any]:
    """The first messages of a stream."""
    got: list[Any] = []
    async with asyncio.timeout(10):
        async for message in stream:
            got.append(message)
            if len(got) == count:
                break
    return got


def test_a_job_from_submit_to_cancel(still: Callable[..., None]) -> None:
    async def life(living: Living) -> None:
        myna = living.client
        job = await myna.submit(INGEST, key="k", priority=3)
        assert (job.status.WhichOneof("status"), job.kind, job.voice, job.gpu_lane) == (
            "queued",
            pb.INGEST,
            "anna",
            False,
        )
        assert (await myna.submit(INGEST, key="k")).id == job.id
        waiting = await living.until(job.id, lambda told: bool(told.status.queued.why_waiting))
        assert "short" in waiting.status.queued.why_waiting
        assert (await myna.pause(job.id)).status.paused.by_person
        assert (await myna.resume(job.id)).status.WhichOneof("status") == "queued"
        assert (await myna.cancel(job.id)).status.cancelled.by == "a person"
        assert (await myna.retry(job.id)).status.WhichOneof("status") == "queued"

    still(life)


def test_what_goes_wrong_is_a_status_and_a_sentence(still: Callable[..., None]) -> None:
    async def life(living: Living) -> None:
        jobs = stubs.JobsStub(living.client.channel)
        done = await living.client.submit(INGEST)
        await living.client.cancel(done.id)
        for call, request, code, words in (
            (jobs.Get, pb.JobRequest(id=99), "NOT_FOUND", "no job 99"),
            (jobs.Cancel, pb.JobRequest(id=done.id), "FAILED_PRECONDITION", "cancelled already"),
            (jobs.Submit, pb.SubmitRequest(), "INVALID_ARGUMENT", "The job is empty"),
            (jobs.List, pb.ListJobsRequest(states=["asleep"]), "INVALID_ARGUMENT", "asleep"),
            (jobs.List, pb.ListJobsRequest(kinds=[pb.JOB_KIND_UNSPECIFIED]), "INVALID_ARGUMENT", "no job kind"),
            (jobs.List, pb.ListJobsRequest(page=pb.Page(token="²")), "INVALID_ARGUMENT", "no page token"),
            (jobs.Watch, pb.WatchRequest(after=10**12), "OUT_OF_RANGE", "watch from now"),
            (jobs.Watch, pb.WatchRequest(after=2**64 - 1), "OUT_OF_RANGE", "watch from now"),
            (jobs.Logs, pb.LogsRequest(id=99), "NOT_FOUND", "no job 99"),
            (stubs.RunsStub(living.client.channel).WatchPoints, pb.WatchPointsRequest(run=7), "NOT_FOUND", "no run 7"),
        ):
            status, sentence = await refused(call, request)
            assert status.name == code, sentence
            assert words in sentence

    still(life)


def test_a_mistake_of_ours_is_told_plainly_and_its_traceback_goes_to_the_log(
    still: Callable[..., None], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("inside")

    async def life(living: Living) -> None:
        monkeypatch.setattr("daemon.state.jobs.get", broken)
        with pytest.raises(ClientError) as caught:
            await living.client.job(1)
        assert "ZeroDivision" not in str(caught.value)
        assert "mynad.log" in str(caught.value)
        assert "ZeroDivisionError: inside" in caplog.text
        monkeypatch.undo()

    still(life)


def test_a_watch_from_now_tells_what_comes_and_one_from_a_cursor_what_was(still: Callable[..., None]) -> None:
    async def life(living: Living) -> None:
        jobs = stubs.JobsStub(living.client.channel)
        await living.client.submit(INGEST)
        watch = jobs.Watch(pb.WatchRequest(from_now=True))
        await watch.initial_metadata()
        second = await living.client.submit(INGEST)
        got = await some(watch, 2)  # beside its submit, why one of the two waits
        assert [
            event.job.id for event in got if event.job.attempts == 0 and not event.job.status.queued.why_waiting
        ] == [second.id]
        again = await some(jobs.Watch(pb.WatchRequest(after=got[0].cursor - 1)), 2)
        assert again == got

    still(life)


def test_lists_page_and_count(still: Callable[..., None]) -> None:
    async def life(living: Living) -> None:
        ids = [(await living.client.submit(INGEST)).id for _ in range(5)]
        answer = await stubs.JobsStub(living.client.channel).List(pb.ListJobsRequest(page=pb.Page(size=2)))
        assert [job.id for job in answer.jobs] == ids[:-3:-1]
        assert answer.counts["queued"] == 5
        assert [job.id async for job in living.client.jobs(states=["queued"])] == ids[::-1]
        moved = await living.client.reorder(ids[4])
        assert moved.id == ids[4]

    still(life)


def test_a_watch_of_points_ends_with_its_run(still: Callable[..., None]) -> None:
    """Also when the run's end brings no more points."""

    async def life(living: Living) -> None:
        job = await living.client.submit(INGEST)

        def begin(session: Session) -> int:
            run = Run(voice="anna", engine="glow", job=job.id, dataset=1, settings={}, result={})
            session.add(run)
            session.flush()
            session.get_one(Job, job.id).run = run.id
            return run.id

        def end(session: Session) -> None:
            session.get_one(Run, run).ended = now()

        run = await living.daemon.store.write(begin)
        await living.daemon.store.write(runs.add_points, run, [pb.Series(name="loss", steps=[1, 2], values=[2.0, 1.0])])
        got: list[pb.PointBatch] = []
        first = asyncio.Event()

        async def watch() -> None:
            async for batch in living.client.watch_points(run):
                got.append(batch)
                first.set()

        watching = asyncio.create_task(watch())
        await asyncio.wait_for(first.wait(), 10)
        await living.daemon.store.write(end)
        await living.client.cancel(job.id)
        await asyncio.wait_for(watching, 10)
        assert [list(series.values) for series in got[0].series] == [[2.0, 1.0]]
        assert got[-1].ended
        answer = await stubs.RunsStub(living.client.channel).Get(pb.RunRequest(id=run))
        assert (answer.step, list(answer.metrics)) == (2, ["loss"])

    still(life)


def test_jobs_that_have_ended_are_cleared_out_of_lists_and_counts_and_kept(still: Callable[..., None]) -> None:
    async def life(living: Living) -> None:
        jobs, system = (
            stubs.JobsStub(living.client.channel),
            stubs.SystemStub(living.client.channel),
        )
        first, second, waits = [await jobs.Submit(pb.SubmitRequest(spec=INGEST)) for _ in range(3)]
        for job in (first, second):
            await jobs.Cancel(pb.JobRequest(id=job.id))
        cursor = (await system.Info(pb.Empty())).cursor
        code, words = await refused(jobs.Clear, pb.ClearJobsRequest(ids=[waits.id]))
        assert code == grpc.StatusCode.FAILED_PRECONDITION
        assert "only jobs that have ended" in words
        assert (await jobs.Clear(pb.ClearJobsRequest(ids=[first.id]))).cleared == 1
        assert (await jobs.Clear(pb.ClearJobsRequest(states=["failed"]))).cleared == 0
        assert (await jobs.Clear(pb.ClearJobsRequest())).cleared == 1
        watch = jobs.Watch(pb.WatchRequest(after=cursor))  # a job that waits may say why in between
        cleared = await some((event async for event in watch if event.HasField("cleared")), 2)
        assert [list(event.cleared.ids) for event in cleared] == [[first.id], [second.id]]
        listed = await jobs.List(pb.ListJobsRequest())
        assert [job.id for job in listed.jobs] == [waits.id]
        assert listed.counts["cancelled"] == 0
        every = await jobs.List(pb.ListJobsRequest(cleared=True))
        assert [job.HasField("cleared") for job in every.jobs] == [False, True, True]
        assert (await jobs.Get(pb.JobRequest(id=first.id))).HasField("cleared")
        again = await jobs.Retry(pb.JobRequest(id=first.id))
        assert not again.HasField("cleared")
        assert first.id in {job.id for job in (await jobs.List(pb.ListJobsRequest())).jobs}

    still(life)
