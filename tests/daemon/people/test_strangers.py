"""A stranger asks for everything that the contract has, about what is the owner's, and finds nothing: not by an answer,
not by a sentence, and not by a sentence that is another one than of what there is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from certificates import Authority
from google.protobuf.message import Message
from placed import SECRETS, Place, placed
from strangers import ask, methods, requests
from test_main import free_port

from daemon.services import access
from proto import myna_pb2 as pb
from proto.channel import ClientError
from proto.client_async import connect_async
from proto.token import ON_BEHALF

pytestmark = pytest.mark.integration

#: what makes something of a name that is not free says so: a name is of one voice
TAKEN = {"Datasets.Upload", "Datasets.Import", "Voices.Import", "Voices.SetConsent", "Voices.ConsentNotes"}


def tells_a_secret(answer: Message) -> bool:
    return any(secret in str(answer) for secret in SECRETS)


def test_every_rpc_is_declared_and_nothing_else() -> None:
    assert access.RULES.keys() == {rpc for rpc, _ in methods()}


def test_an_undeclared_rpc_is_nobodys_but_the_owners() -> None:
    assert access.of("/myna.v1.Voices/Frobnicate") is access.NOBODYS


def test_a_stranger_finds_nothing_by_any_rpc(tmp_path: Path) -> None:
    async def life(place: Place) -> None:
        channel, metadata = place.living.client.channel, ((ON_BEHALF, place.token),)
        nowhere = place.goods.nowhere
        leaks, told_apart = [], []
        for rpc, method in methods():
            there, not_there = (requests(rpc, method, goods) for goods in (place.goods, nowhere))
            for one, other in zip(there, not_there, strict=True):
                code, words, answers = await ask(channel, rpc, method, one, metadata)
                asked = str(one)
                said = " ".join([words, *map(str, answers)])
                leaks += [(rpc, secret, said) for secret in SECRETS if secret in said and secret not in asked]
                leaks += [(rpc, secret, said) for secret in SECRETS if secret in " ".join(map(str, answers))]
                if rpc in TAKEN and one.ByteSize():
                    assert (code, words.partition(".")[0]) == ("FAILED_PRECONDITION", "The name quillon is not free")
                    continue
                same = await ask(channel, rpc, method, other, metadata)
                one_words, other_words = (nowhere.spelt_as(place.goods, told) for told in (words, same[1]))
                if (code, one_words) != (same[0], other_words):
                    told_apart.append((rpc, code, words, same[:2]))
        assert not leaks
        assert not told_apart
        assert await place.living.client.ready()

    placed(tmp_path / "home", life)


def test_the_owner_finds_it_by_the_same_requests(tmp_path: Path) -> None:
    """Or the test above would prove nothing."""
    tells = {
        "Jobs.Get", "Jobs.List", "Jobs.Watch", "Jobs.Logs", "Runs.Get", "Runs.List", "Runs.Points", "Runs.WatchPoints",
        "Voices.List", "Voices.Get", "Voices.Versions", "Voices.Ratings", "Datasets.List", "Datasets.Get",
        "Datasets.Clips", "Datasets.Recordings", "Experiments.List", "Experiments.Get",
    }  # fmt: skip

    async def life(place: Place) -> None:
        for rpc, method in methods():
            if rpc in tells:
                asked = [
                    await ask(place.living.client.channel, rpc, method, request, enough=tells_a_secret)
                    for request in requests(rpc, method, place.goods)
                ]
                assert any(tells_a_secret(one) for *_, answers in asked for one in answers), rpc

    placed(tmp_path / "home", life)


def test_a_name_that_is_taken_is_only_not_free(tmp_path: Path) -> None:
    async def life(place: Place) -> None:
        await place.mallory.create_voice("mine", "en")
        for attempt in (place.mallory.create_voice("quillon"), place.mallory.rename_voice("mine", "quillon")):
            with pytest.raises(ClientError, match="The name quillon is not free") as refused:
                await attempt
            assert refused.value.code == "FAILED_PRECONDITION"

    placed(tmp_path / "home", life)


@pytest.mark.long
def test_the_same_over_tls(tmp_path: Path) -> None:
    ours = Authority(tmp_path / "ours", "ours")
    server, port = ours.sign("localhost"), free_port()
    (tmp_path / "token").write_text("a token of the owner's")
    (tmp_path / "token").chmod(0o600)
    listen = {
        "listen": f"localhost:{port}",
        "tls_cert": str(server.cert),
        "tls_key": str(server.key),
        "token_file": str(tmp_path / "token"),
    }

    async def life(place: Place) -> None:
        async with connect_async(host=f"localhost:{port}", token=place.token, tls_ca=ours.own.cert) as mallory:
            for rpc, method in methods():
                for request in requests(rpc, method, place.goods):
                    _, words, answers = await ask(mallory.channel, rpc, method, request, ())
                    said = " ".join(map(str, answers))
                    assert not [secret for secret in SECRETS if secret in said], rpc
                    assert not [secret for secret in SECRETS if secret in words and secret not in str(request)], rpc
            await mallory.create_voice("mine", "en")
            assert [voice.name async for voice in mallory.voices()] == ["fresh", "mine"]
        async with connect_async(host=f"localhost:{port}", token="a token of the owner's", tls_ca=ours.own.cert) as all:
            assert {"quillon", "mine"} <= {voice.name async for voice in all.voices()}

    placed(tmp_path / "home", life, **listen)


def test_a_watch_tells_a_stranger_of_theirs_alone(tmp_path: Path) -> None:
    async def life(place: Place) -> None:
        watch = place.mallory.watch(0, progress=True)
        await place.living.client.submit(pb.SpeakSpec(voice="quillon", text="borborygmus"))
        await place.mallory.create_voice("mine", "en")
        heard = []
        async for event in watch:
            heard.append(str(event))
            if event.voice.name == "mine":
                break
        assert len(heard) == 1

    placed(tmp_path / "home", life)


def test_a_job_that_waits_behind_others_does_not_name_them(tmp_path: Path) -> None:
    async def life(place: Place) -> None:
        await place.mallory.create_voice("mine", "en")
        waits = await place.mallory.submit(pb.SpeakSpec(voice="mine", text="me too"), key="mine")
        assert waits.id != place.goods.job, "a key is a person's own"
        assert (await place.mallory.submit(pb.SpeakSpec(voice="mine", text="me too"), key="mine")).id == waits.id
        assert waits.idempotency_key == "mine"

        told = await place.living.until(waits.id, lambda job: job.status.queued.why_waiting != "")
        assert "quillon" in told.status.queued.why_waiting
        theirs = await place.mallory.job(waits.id)
        assert theirs.status.queued.why_waiting == "waits until other jobs have ended"
        assert not [secret for secret in SECRETS if secret in str(theirs)]
        info = await place.mallory.info()
        assert info.gpu_holder == "another person's job"
        assert dict(info.jobs)["running"] == 0
        assert dict((await place.living.client.info()).jobs)["running"] == 1

    placed(tmp_path / "home", life)
