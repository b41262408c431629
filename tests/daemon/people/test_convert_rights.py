"""Whose sound a person may put onto speech: that of voices which they may let speak, and of no other; and how much of
the disk what they send for it may take."""

from __future__ import annotations

from pathlib import Path

import pytest
from empty_converter import empty_converter
from placed import EVERYTHING, Place, placed

from proto import myna_pb2 as pb
from proto import passes
from proto.channel import ClientError
from proto.client_async import AsyncClient

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def converter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of the converter's names: the daemon looks no further, and this worker converts nothing."""
    empty_converter(tmp_path / "converter", monkeypatch)


def spec(like: str) -> pb.SpeakSpec:
    return pb.SpeakSpec(voice="mine", text="hello", after=passes.read([f"convert:{like}"]))


async def refused(client: AsyncClient, like: str) -> tuple[str, str]:
    """(code, sentence), by each way there is."""
    told = set()
    with pytest.raises(ClientError) as one:
        async for _ in client.synthesize(spec(like)):
            pass
    told.add((one.value.code, one.value.sentence))
    with pytest.raises(ClientError) as other:
        await client.submit(pb.JobSpec(speak=spec(like)))
    told.add((other.value.code, other.value.sentence))
    parts = [pb.ConvertPart(spec=pb.SpeakSpec(after=spec(like).after), data=b"x"), pb.ConvertPart(data=b"y")]
    with pytest.raises(ClientError) as recorded:
        async for _ in client.convert(parts):
            pass
    told.add((recorded.value.code, recorded.value.sentence))
    (same,) = told
    return same


def test_a_voice_that_is_no_business_of_theirs_is_not_there(tmp_path: Path) -> None:
    async def life(place: Place) -> None:
        await place.mallory.create_voice("mine", "en")
        one, other = await refused(place.mallory, "quillon"), await refused(place.mallory, "nobody")
        assert one == ("NOT_FOUND", "There is no voice named 'quillon'.")
        assert other == ("NOT_FOUND", one[1].replace("quillon", "nobody"))

    placed(tmp_path / "home", life)


def test_what_is_shared_for_reading_alone_is_not_spoken_with_and_what_is_for_speaking_is(tmp_path: Path) -> None:
    async def life(place: Place) -> None:
        owner, mallory = place.living.client, place.mallory
        await mallory.create_voice("mine", "en")
        await owner.share("quillon", "mallory", ["read"])
        assert await refused(mallory, "quillon") == ("PERMISSION_DENIED", "mallory may not let quillon speak.")
        await owner.share("quillon", "mallory", ["speak"])
        waits = await mallory.submit(pb.JobSpec(speak=spec("quillon")))  # the owner's job speaks
        assert waits.title == "say “hello” as mine@base, converted to quillon"
        await mallory.cancel(waits.id)
        await owner.share("quillon", "mallory", [])
        with pytest.raises(ClientError) as again:
            await mallory.retry(waits.id)
        assert again.value.code == "NOT_FOUND", "it is not shared any more"

    placed(tmp_path / "home", life)


def test_a_recording_that_came_with_a_call_is_of_no_other(tmp_path: Path) -> None:
    async def life(place: Place) -> None:
        await place.mallory.create_voice("mine", "en")
        theirs = pb.SpeakSpec(recording=f"{'0' * 32}.sound", after=passes.read(["convert:mine"]))
        with pytest.raises(ClientError) as heard:
            async for _ in place.mallory.synthesize(theirs):
                pass
        with pytest.raises(ClientError) as submitted:
            await place.mallory.submit(pb.JobSpec(speak=theirs))
        for one in (heard.value, submitted.value):
            assert one.code == "PERMISSION_DENIED"
            assert one.sentence == "mallory may not convert what was sent by others: it takes the right admin."

    placed(tmp_path / "home", life)


def test_a_recording_counts_for_the_disk_of_who_sends_it_until_it_is_deleted(tmp_path: Path) -> None:
    async def life(place: Place) -> None:
        owner, mallory = place.living.client, place.mallory
        await owner.add_person("mallory", EVERYTHING, pb.Limits(disk=1_000))
        await owner.share("quillon", "mallory", ["speak"])
        first = pb.ConvertPart(spec=pb.SpeakSpec(after=spec("quillon").after), data=b"x" * 600)
        with pytest.raises(ClientError) as refused:
            async for _ in mallory.convert([first, pb.ConvertPart(data=b"x" * 600), pb.ConvertPart(data=b"x" * 600)]):
                pass
        assert (refused.value.code, refused.value.sentence) == (
            "RESOURCE_EXHAUSTED",
            "The voices of mallory take 0 B of the 1.0 kB that they may, and this takes 1.2 kB more.",
        )
        assert list((tmp_path / "home" / "imports").iterdir()) == []
        (tmp_path / "900").write_bytes(b"x" * 900)
        await mallory.create_voice("mine", "en")
        await mallory.upload("mine", [("a.wav", tmp_path / "900")])  # what was sent for the conversion is gone
        with pytest.raises(ClientError, match=r"take 900 B of the 1\.0 kB that they may, and this takes 600 B more"):
            async for _ in mallory.convert([first]):
                pass

    placed(tmp_path / "home", life, settle=3600.0)
