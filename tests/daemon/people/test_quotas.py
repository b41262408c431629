"""Limits, held by a whole mynad: refused with a sentence, ended at a sentence, or kept waiting; and fair turns."""

from __future__ import annotations

from pathlib import Path

import pytest
from living_daemon import Living, lived
from sqlalchemy.orm import Session

from daemon.database.models import Attempt, Voice
from proto import myna_pb2 as pb
from proto.channel import ClientError
from proto.client_async import AsyncClient

pytestmark = pytest.mark.integration
EVERYTHING = ("speak", "read", "train")


async def somebody(living: Living, name: str, voice: str = "", **limits: float) -> AsyncClient:
    """A person with these limits, whose that voice is, and who may speak with anna."""
    await living.client.add_person(name, EVERYTHING, pb.Limits(**limits))
    await living.client.share("anna", name, ["speak"])
    if voice:
        living.voice(voice)

        def own(session: Session) -> None:
            session.get_one(Voice, voice).owner = name

        await living.daemon.store.write(own)
    return living.client.bearing((await living.client.create_token(name)).token)


async def heard(client: AsyncClient, text: str) -> tuple[float, ClientError | None]:
    """(seconds that came, what went wrong)."""
    seconds = 0.0
    try:
        async for chunk in client.synthesize(pb.SpeakSpec(voice="anna", text=text)):
            seconds += len(chunk.samples) / 4 / 16_000
    except ClientError as error:
        return seconds, error
    return seconds, None


def test_speech_ends_at_a_sentence_once_the_minutes_are_used_up_and_is_refused_after_that(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        bob = await somebody(living, "bob", minutes_a_day=0.1)
        seconds, error = await heard(bob, "chunks=2 hello again")
        assert seconds == pytest.approx(2 * 6.25, abs=0.01), "the sentence in course, whole, and no other"
        assert error is not None
        assert (error.code, error.sentence) == (
            "RESOURCE_EXHAUSTED",
            "bob has used 0.2 of 0.1 minutes of speech today.",
        )
        assert error.retry_after is not None
        assert 0 < error.retry_after <= 25 * 3600
        (job,) = [job async for job in bob.jobs()]
        assert job.status.failed.error.kind == pb.QUOTA
        (used,) = await bob.usage()
        assert used.today.speech_seconds == pytest.approx(seconds, abs=0.01)
        assert used.limits.minutes_a_day == 0.1
        _, error = await heard(bob, "hello")
        assert error is not None
        assert error.code == "RESOURCE_EXHAUSTED"
        assert "There are more at 00:00" in error.hint
        carla = await somebody(living, "carla", minutes_a_day=1.0)
        assert (await heard(carla, "hello"))[1] is None, "others have theirs"
        with pytest.raises(ClientError, match="There is no person named 'bob'"):
            await carla.usage("bob")
        assert {one.person for one in await living.client.usage()} == {"bob", "carla"}

    lived(tmp_path, life)


def test_a_training_that_has_used_up_its_minutes_saves_waits_and_goes_on_when_there_are_more(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        bob = await somebody(living, "bob", "steps", gpu_minutes_a_day=0.01)
        job = (await bob.submit(pb.JobSpec(train=pb.TrainSpec(voice="steps")))).id
        waits = lambda told: told.status.queued.waits_for == pb.WAITS_FOR_GPU_MINUTES  # noqa: E731
        told = await living.until(job, waits)
        assert told.status.queued.why_waiting.startswith("bob has used 0.0 of 0.01 GPU minutes today; at 00:00")
        assert living.outcomes(job) == ["stopped"]
        (used,) = await bob.usage("bob")
        assert 0.6 <= used.today.gpu_seconds < 6
        other = await living.train("sees")
        await living.until(other, "running")
        await living.client.cancel(other)
        await living.client.add_person("bob", EVERYTHING, pb.Limits(gpu_minutes_a_day=60))
        await living.until(job, "running")
        await bob.cancel(job)
        assert (await living.until(job, "cancelled")).status.HasField("cancelled")

    lived(tmp_path, life)


def test_jobs_that_wait_are_limited_and_the_owners_are_not(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        bob = await somebody(living, "bob", waiting=2)
        holds = await living.speak(f"until={tmp_path}/go")
        await living.worker(holds)
        spec = pb.JobSpec(speak=pb.SpeakSpec(voice="anna", text="hello"))
        ended = (await bob.submit(spec)).id
        await bob.cancel(ended)
        await bob.submit(spec)
        await bob.submit(spec)
        with pytest.raises(ClientError, match="2 jobs wait for bob already, and 2 may") as refused:
            await bob.submit(spec)
        with pytest.raises(ClientError, match="2 jobs wait for bob already"):
            await bob.retry(ended)
        assert (refused.value.code, refused.value.retry_after) == ("RESOURCE_EXHAUSTED", 30)
        await living.client.submit(spec)
        (tmp_path / "go").touch()

    lived(tmp_path, life)


def test_uploads_count_before_they_are_taken(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        bob = await somebody(living, "bob", disk=1_000)
        await bob.create_voice("his", "en")
        (tmp_path / "600").write_bytes(b"x" * 600)
        await bob.upload("his", [("a.wav", tmp_path / "600")])
        with pytest.raises(
            ClientError, match=r"take 600 B of the 1\.0 kB that they may, and this takes 600 B"
        ) as refused:
            await bob.upload("his", [("b.wav", tmp_path / "600")])
        assert (refused.value.code, refused.value.retry_after) == ("RESOURCE_EXHAUSTED", 0)
        assert {path.name for path in (living.daemon.home / "inbox/his").iterdir()} == {"a.wav", "voice.toml"}

    lived(tmp_path / "home", life, settle=3600.0)


def test_many_jobs_of_one_do_not_stop_anothers_one_and_nobody_moves_anothers(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        bob, carla = await somebody(living, "bob"), await somebody(living, "carla")
        holds = await living.speak(f"until={tmp_path}/go")
        await living.worker(holds)
        spec = pb.JobSpec(speak=pb.SpeakSpec(voice="anna", text="hello"))
        his = [(await bob.submit(spec)).id for _ in range(40)]
        hers = [(await carla.submit(spec)).id for _ in range(2)]
        with pytest.raises(ClientError, match=f"There is no job {his[0]}"):
            await carla.reorder(hers[1], before=his[0])
        await carla.reorder(hers[1], before=hers[0])
        (tmp_path / "go").touch()
        await living.until(hers[0], "succeeded")

        def begun(session: Session) -> list[int]:
            return [row.job for row in session.query(Attempt).order_by(Attempt.id)]

        order = await living.daemon.store.read(begun)
        assert order[1:5] == [his[0], hers[1], his[1], hers[0]]

    lived(tmp_path, life)
