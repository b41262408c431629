"""What is bounded while calls go on, what is asked again before a file is handed out, and what a refusal tells."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from living_daemon import Living, lived
from sqlalchemy.orm import Session
from voice_rows import folder, version

from daemon import caller as callers
from daemon.caller import Caller, Right
from daemon.database.models import Recording, Voice, now
from daemon.errors import QuotaReached
from daemon.services import veil
from daemon.services.open_calls import OpenCalls
from daemon.services.quota_room import Room
from daemon.state import quotas
from daemon.state.quotas import Resource, Use
from proto import myna_pb2 as pb
from proto.channel import ClientError
from proto.client_async import AsyncClient

pytestmark = pytest.mark.integration
EVERYTHING = ("speak", "read", "train")
OTHERS = "This would be on the account of somebody else, who may have no more of it now."


async def somebody(living: Living, name: str, voice: str = "", **limits: float) -> AsyncClient:
    """A person with these limits, whose that voice is."""
    await living.client.add_person(name, EVERYTHING, pb.Limits(**limits))
    if voice:
        living.voice(voice)
        await living.client.give(voice, name)
    return living.client.bearing((await living.client.create_token(name)).token)


def sound() -> Iterator[pb.TranscribePart]:
    yield pb.TranscribePart(spec=pb.TranscribeSpec(recogniser="pocketsphinx"), data=b"a sound, perhaps")


async def waits(living: Living, count: int) -> None:
    """Until so many transcriptions wait."""
    async with asyncio.timeout(20):
        async for event in living.daemon.events.watch(0):
            count -= event.job.kind == pb.TRANSCRIBE and event.job.status.HasField("queued")
            if not count:
                return


def test_a_person_has_so_many_transcriptions_at_once_and_others_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(quotas.AT_ONCE, Resource.TRANSCRIPTIONS, 2)

    async def life(living: Living) -> None:
        bob, carla = await somebody(living, "bob"), await somebody(living, "carla")
        await living.worker(await living.ingest(living.voice("steps")))  # at work in their lane
        his = [asyncio.create_task(bob.transcribe(sound())) for _ in range(2)]
        await waits(living, 2)
        with pytest.raises(ClientError, match="2 files of bob are being transcribed, and 2 may be at once") as refused:
            await bob.transcribe(sound())
        assert (refused.value.code, refused.value.retry_after) == ("RESOURCE_EXHAUSTED", 30)
        hers = asyncio.create_task(carla.transcribe(sound()))
        await waits(living, 3)
        first = min([job async for job in bob.jobs(kinds=[pb.TRANSCRIBE])], key=lambda job: job.id)
        await bob.cancel(first.id)
        await asyncio.wait(his, return_when=asyncio.FIRST_COMPLETED, timeout=20)
        again = asyncio.create_task(bob.transcribe(sound()))
        await waits(living, 4)
        for task in (*his, hers, again):
            task.cancel()
        await asyncio.gather(*his, hers, again, return_exceptions=True)

    lived(tmp_path, life)


def test_what_ends_makes_room_for_another_however_it_ends() -> None:
    calls = OpenCalls()
    for _ in range(3 * quotas.AT_ONCE[Resource.UPLOADS]):
        with pytest.raises(KeyError), calls.one("bob", Resource.UPLOADS):
            raise KeyError
    opened = [calls.one("bob", Resource.UPLOADS) for _ in range(quotas.AT_ONCE[Resource.UPLOADS])]
    for one in opened:
        one.__enter__()
    with pytest.raises(QuotaReached, match="8 uploads of bob are open already"), calls.one("bob", Resource.UPLOADS):
        pass
    with calls.one("carla", Resource.UPLOADS):
        pass


def test_uploads_at_once_share_the_room_that_there_was() -> None:
    use = Use("bob", Resource.DISK, 400, 1_000)
    one, other = Room(use), Room(use)
    one.take(300)
    other.take(300)
    with pytest.raises(QuotaReached, match=r"take 400 B of the 1\.0 kB that they may, and this takes 601 B more"):
        one.take(1)
    Room(use).take(600)


def test_what_lies_here_for_a_call_takes_room_until_the_call_ends() -> None:
    use = Use("bob", Resource.DISK, 400, 1_000)
    before, conversion, after = Room(use), Room(use, passing=True), Room(use)
    conversion.take(500)
    with pytest.raises(QuotaReached, match="and this takes 601 B more"):
        before.take(101)
    with pytest.raises(QuotaReached, match="and this takes 702 B more"):
        after.take(101)
    conversion.close()
    conversion.close()
    after.take(398)
    with pytest.raises(QuotaReached, match="and this takes 601 B more"):
        before.take(1)


def test_of_what_others_use_a_refusal_tells_nothing() -> None:
    room = Room(Use("bob", Resource.DISK, 400, 1_000))
    callers.begin(Caller("carla", Right.TRAIN))
    try:
        with pytest.raises(QuotaReached) as refused:
            room.take(601)
    finally:
        callers.begin(callers.OWNER)
    assert refused.value.sentence == OTHERS
    assert "bob" not in str(refused.value)


def test_why_anothers_job_waits_is_told_without_what_its_person_used() -> None:
    said = "bob has used 30.0 of 30 GPU minutes today; at 00:00 there are more"
    waits = pb.JobStatus.Queued(why_waiting=said, waits_for=pb.WAITS_FOR_GPU_MINUTES)
    job = pb.Job(id=1, person="bob", status=pb.JobStatus(queued=waits))

    def told(name: str, rights: Right = Right.READ) -> str:
        return str(veil.over(job, Caller(name, rights)).status.queued.why_waiting)

    assert told("bob") == told("root", Right.ADMIN) == said
    assert told("carla") == veil.MINUTES


def test_a_job_that_is_held_counts_as_one_that_waits(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        bob = await somebody(living, "bob", "his", waiting=1)
        await living.worker(await living.speak(f"until={tmp_path}/go"))
        spec = pb.JobSpec(speak=pb.SpeakSpec(voice="his", text="hello"))
        held = await bob.submit(spec)
        await bob.pause(held.id)
        with pytest.raises(ClientError, match="1 job waits for bob already, and 1 may"):
            await bob.submit(spec)
        await bob.cancel(held.id)
        await bob.submit(spec)
        (tmp_path / "go").touch()

    lived(tmp_path, life)


def test_whoever_tries_a_job_of_another_again_does_it_within_the_others_limits(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        bob, carla = await somebody(living, "bob", "steps", waiting=1), await somebody(living, "carla")
        await bob.share("steps", "carla", ["read", "train"])
        train = pb.JobSpec(train=pb.TrainSpec(voice="steps"))
        failed = await bob.submit(train)
        await bob.cancel(failed.id)
        await living.until(failed.id, "cancelled")
        await living.worker(await living.train("sees"))
        await bob.submit(train)
        with pytest.raises(ClientError) as refused:
            await carla.retry(failed.id)
        assert (refused.value.code, refused.value.sentence) == ("RESOURCE_EXHAUSTED", OTHERS)
        await living.client.retry(failed.id)

    lived(tmp_path, life)


def heavy(session: Session, voice: str) -> None:
    session.add(
        Recording(
            voice=voice, sha256=f"{1:064x}", name="a.wav", path="a", size=900, seconds=1.0, sample_rate=16_000,
            channels=1, codec="pcm", text=None, added=now(), cut=None, removed=None,
        )
    )  # fmt: skip


def test_nobody_fills_anothers_disk_with_a_voice(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        bob = await somebody(living, "bob", "big")
        await somebody(living, "carla", disk=500)
        await living.daemon.store.write(heavy, "big")
        with pytest.raises(ClientError, match=OTHERS):
            await bob.give("big", "carla")
        await living.client.give("big", "carla")

    lived(tmp_path, life)


def test_an_export_is_not_handed_out_once_the_site_wants_a_note_that_there_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from daemon.state import consent_notes

    async def life(living: Living) -> None:
        exports = living.daemon.home / "exports"
        exports.mkdir()
        file = exports / "anna-dataset1.myna.tar.zst"
        file.write_bytes(b"written by the job")  # the strange worker writes none
        parts = living.client.export_dataset("anna", 1)
        assert b"".join([part.data async for part in parts]) == b"written by the job"
        file.write_bytes(b"written by the job")
        plan = living.daemon.lifecycle.kinds["export"].plan

        def withdrawn(*args: object) -> object:
            started = plan(*args)
            monkeypatch.setattr(consent_notes, "is_missing", lambda session, voice: True)
            return started

        monkeypatch.setattr(living.daemon.lifecycle.kinds["export"], "plan", withdrawn)
        with pytest.raises(ClientError, match="anna has no consent note"):
            await anext(living.client.export_dataset("anna", 1))
        assert not file.exists()

    lived(tmp_path, life)


def test_of_a_voice_that_had_the_name_before_a_person_purges_nothing(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        bob = await somebody(living, "bob", "robin")
        exports = living.daemon.home / "exports"
        exports.mkdir()
        await living.daemon.store.write(lambda session: folder(tmp_path, version(session, 1, voice="robin")) and None)
        since = await living.daemon.store.read(lambda session: session.get_one(Voice, "robin").created.timestamp())
        for name, age in (("robin-1.myna.tar.zst", -3600), ("robin-1-coqui.tar", 3600)):
            (exports / name).write_bytes(b"x" * 10)
            os.utime(exports / name, (since + age, since + age))
        told = await bob.purge("robin", exports=True, dry_run=True)
        assert [one.name for one in told.purged] == ["robin-1-coqui.tar"]
        told = await living.client.purge("robin", exports=True, dry_run=True)
        assert len(told.purged) == 2

    lived(tmp_path, life)
