"""Audio on its way from the speech worker to who asked for it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from living_daemon import Living, lived
from test_attempts import ended

from daemon.scheduling import speech
from proto import myna_pb2 as pb
from proto.client import ClientError
from tests.waits import until

pytestmark = pytest.mark.integration


async def chunks(living: Living, text: str) -> list[pb.AudioChunk]:
    return [chunk async for chunk in living.client.synthesize(pb.SpeakSpec(voice="anna", text=text))]


def test_chunks_come_in_order_and_the_last_says_so(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        got = await chunks(living, "one two three")
        assert [chunk.text for chunk in got] == ["", "one", "two", "three", ""]
        assert [bool(chunk.samples) for chunk in got] == [False, True, True, True, False], (
            "the first names the job before there is sound"
        )
        assert [chunk.last for chunk in got] == [False, False, False, False, True]
        assert got[0].job == 1
        assert got[0].version == "anna@base"

    lived(tmp_path, life)


def test_a_failure_is_the_jobs_sentence(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        with pytest.raises(ClientError, match="This text cannot be spoken") as caught:
            await chunks(living, "one refuse")
        assert caught.value.hint == "Give another."

    lived(tmp_path, life)


@pytest.mark.parametrize("heard", [False, True], ids=["when the job is named", "after a word"])
def test_who_hangs_up_cancels_the_job(heard: bool, tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        stream = living.client.synthesize(pb.SpeakSpec(voice="anna", text="one steps"))
        job = 0
        async for chunk in stream:
            job = job or chunk.job
            if chunk.samples or not heard:
                break
        await stream.aclose()
        assert (await living.until(job, ended)).status.HasField("cancelled")
        await chunks(living, "and the next one is served")

    lived(tmp_path, life)


def test_who_hangs_up_before_the_first_word_cancels_the_job(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        waiting = asyncio.create_task(chunks(living, "steps"))
        await living.until(1, "running")
        waiting.cancel()
        assert (await living.until(1, ended)).status.HasField("cancelled")

    lived(tmp_path, life)


def test_a_job_cancelled_by_another_ends_the_stream_with_a_sentence(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        listening = asyncio.create_task(chunks(living, "one steps"))
        await living.until(1, "running")
        await living.client.cancel(1)
        with pytest.raises(ClientError, match="cancelled"):
            await listening

    lived(tmp_path, life)


def test_who_reads_slowly_slows_the_worker_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "BUFFER", 1_000_000)

    async def life(living: Living) -> None:
        job = await living.speak("chunks=50 done")  # 20 MB
        stream = living.daemon.speech.synthesize(job)
        got = [await anext(stream)]
        held = living.daemon.speech._streams[job]
        await living.until(job, "running")
        await until(lambda: held.size >= 1_000_000)
        assert held.size < 1_500_000
        got += [audio async for audio in stream]
        assert (
            sum(len(audio.samples) for audio in got) == 50 * 400_000 + 2 * 4
        )  # and a little for each of the two words
        assert (await living.now(job)).status.HasField("succeeded")

    lived(tmp_path, life)


def test_who_stops_reading_does_not_hold_the_gpu_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "BUFFER", 1_000_000)
    monkeypatch.setattr(speech, "STALL", 0.3)

    async def life(living: Living) -> None:
        job = await living.speak("chunks=50 done")
        stream = living.daemon.speech.synthesize(job)
        await anext(stream)
        assert (await living.until(job, ended)).status.cancelled.by == "client disconnected"
        await stream.aclose()

    lived(tmp_path, life)


def test_audio_nobody_listens_to_is_spoken_and_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def life(living: Living) -> None:
        assert (await living.until(await living.speak("one two"), ended)).status.HasField("succeeded")

    lived(tmp_path, life)


@pytest.mark.parametrize("heard", [False, True], ids=["when the job is named", "after a word"])
def test_nothing_is_kept_for_who_hung_up(heard: bool, tmp_path: Path) -> None:
    """Its worker goes on speaking until it hears of that."""

    async def life(living: Living) -> None:
        speaking = living.daemon.speech
        stream = living.client.synthesize(pb.SpeakSpec(voice="anna", text="one " + "chunks=20 " * 2_000))
        job = 0
        async for chunk in stream:
            job = job or chunk.job
            if chunk.samples or not heard:
                break
        held = speaking._streams[job]
        await stream.aclose()
        assert (await living.until(job, ended)).status.HasField("cancelled")
        assert held.dropped
        assert not held.chunks, "what came after is not kept"
        await until(lambda: not speaking._streams)

    lived(tmp_path, life)


def test_nothing_is_kept_of_what_was_heard_to_the_end(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        await chunks(living, "one two")
        with pytest.raises(ClientError):
            await chunks(living, "one refuse")
        await until(lambda: not living.daemon.speech._streams)

    lived(tmp_path, life)
