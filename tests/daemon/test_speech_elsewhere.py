"""Speech by engines elsewhere in a whole mynad: beside every lane, and for whom it is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from living_daemon import Living, lived

from daemon import remote_settings
from daemon.remote_settings import Remote
from proto import myna_pb2 as pb
from proto.client import ClientError

pytestmark = pytest.mark.integration


def switched_on(folder: Path, **more: object) -> dict[str, Remote]:
    key = folder / "key"
    key.touch(0o600)
    key.write_text("sk-some-key")
    return {**remote_settings.usual(), "openai": Remote(enabled=True, key_file=str(key), **more)}  # type: ignore[arg-type]


def test_it_waits_for_no_lane_and_makes_nothing_give_way(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        await living.worker(training := await living.train("steps"))
        await living.worker(taking := await living.ingest(living.voice("sees")))
        await living.worker(first := await living.speak(f"until={tmp_path / 'end'}", "openai:alloy"))
        await living.until(second := await living.speak("hello", "openai:nova"), "succeeded")
        told = [await living.now(job) for job in (training, taking, first)]
        assert all(job.status.HasField("running") for job in told), "beside all of them, and beside each other"
        assert not (await living.now(second)).gpu_lane
        await living.until(await living.speak("hello"), "succeeded")  # who speaks here takes the GPU's lane meanwhile
        assert (await living.now(first)).status.HasField("running")
        (tmp_path / "end").touch()
        await living.until(first, "succeeded")

    lived(tmp_path / "home", life, cpu_jobs=1, remote=switched_on(tmp_path))


def test_a_person_speaks_with_it_where_people_may_and_sees_their_own_jobs_alone(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        await living.client.add_person("bob", ["speak"])
        await living.client.add_person("eve", ["read"])
        bob, eve = [living.client.bearing((await living.client.create_token(name)).token) for name in ("bob", "eve")]
        spec = pb.SpeakSpec(voice="openai:alloy", text="hello")
        assert [chunk.version async for chunk in bob.synthesize(spec)][:1] == ["openai:alloy"]
        await living.until(await living.speak("hello", "openai:alloy"), "succeeded")
        (job,) = [job async for job in bob.jobs()]
        assert (job.person, job.voice) == ("bob", "openai:alloy")
        assert [job async for job in eve.jobs()] == []
        with pytest.raises(ClientError) as refused:
            await eve.price(spec)
        assert refused.value.code == "PERMISSION_DENIED"
        (price,) = await bob.price(spec)
        assert price.characters == 5
        told = next(one for one in (await bob.info()).engines if one.name == "openai")
        assert (told.remote.open, told.remote.HasField("spent_today")) == (True, False)

    lived(tmp_path / "home", life, remote=switched_on(tmp_path, people=True))


def test_it_is_not_there_for_people_where_the_owner_did_not_say_so(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        await living.client.add_person("bob", ["speak", "read", "train"])
        bob = living.client.bearing((await living.client.create_token("bob")).token)
        for voice in ("openai:alloy", "azure:en-US-JennyNeural", "acme:x"):
            with pytest.raises(ClientError) as refused:
                await bob.submit(pb.JobSpec(speak=pb.SpeakSpec(voice=voice, text="hello")))
            assert refused.value.code in ("PERMISSION_DENIED", "NOT_FOUND"), refused.value
        told = next(one for one in (await bob.info()).engines if one.name == "openai")
        assert (told.remote.open, list(told.remote.voices)) == (False, [])
        assert str(tmp_path) not in str(told)

    lived(tmp_path / "home", life, remote=switched_on(tmp_path))
