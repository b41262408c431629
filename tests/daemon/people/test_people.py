"""What opens and what does not, what a share lets one do, and what is written down of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from certificates import Authority
from living_daemon import Living, lived
from placed import EVERYTHING, Place, placed
from sqlalchemy import select
from sqlalchemy.orm import Session
from test_main import free_port

from daemon.database.models import Voice, now
from daemon.database.people_rows import Act, Token
from daemon.state import people, voices
from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs
from proto.channel import ClientError
from proto.client_async import AsyncClient, connect_async

pytestmark = pytest.mark.integration


async def code(asked: Awaitable[object]) -> str:
    """How a request ends."""
    try:
        await asked
    except ClientError as error:
        return error.code
    return "OK"


async def first(client: AsyncClient, voice: str) -> str:
    """How speech of a voice begins."""

    async def begin() -> None:
        async for _ in client.synthesize(pb.SpeakSpec(voice=voice, text="hello")):
            return

    return await code(begin())


def test_wrong_expired_and_revoked_tokens_are_refused_by_one_sentence_and_stay_out_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def life(living: Living) -> None:
        client = living.client
        await client.add_person("mallory", EVERYTHING)
        good, expired, revoked = [await client.create_token("mallory", 3_600.0) for _ in range(3)]

        def age(session: Session) -> None:
            session.get_one(Token, expired.about.id).expires = now() - timedelta(seconds=1)

        await living.daemon.store.write(age)
        await client.revoke(token=revoked.about.id)
        assert await code(client.bearing(good.token).info()) == "OK"
        metadata = (("authorization", f"Bearer {good.token}"),)
        told = await stubs.SystemStub(client.channel).Info(pb.Empty(), metadata=metadata)
        assert told.home == "", "a token on the socket is who calls"
        said = set()
        for token in (expired.token, revoked.token, "myna_" + "x" * 43, "", "anything"):
            with pytest.raises(ClientError) as refused:
                await client.bearing(token).info()
            said.add((refused.value.code, str(refused.value)))
        assert len(said) == 1
        assert said.pop()[0] == "UNAUTHENTICATED"
        assert "wrong or missing token" in caplog.text
        for token in (good.token, expired.token, revoked.token):
            assert token not in caplog.text
        kept = await living.daemon.store.read(lambda session: [row.sha256 for row in session.scalars(select(Token))])
        assert people.digest(good.token) in kept
        assert not [one for one in kept if good.token.encode() in one]

    with caplog.at_level(logging.INFO):
        lived(tmp_path, life)


def test_whoever_is_revoked_is_out_at_once_also_of_what_they_watch(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        client = living.client
        await client.add_person("mallory", EVERYTHING)
        mallory = client.bearing((await client.create_token("mallory")).token)
        await mallory.create_voice("mine", "en")
        watch = mallory.watch(0)
        await anext(watch)
        other = await client.create_token("mallory")
        elsewhere = client.bearing(other.token).watch(0)
        await anext(elsewhere)
        await client.revoke(token=other.about.id)
        await living.daemon.store.write(lambda session: voices.emit_voice(session, session.get_one(Voice, "mine")))
        assert await code(anext(elsewhere)) == "UNAUTHENTICATED"
        assert (await anext(watch)).voice.name == "mine", "her other token opens still"
        await client.revoke("mallory")
        assert await code(mallory.info()) == "UNAUTHENTICATED"
        await living.daemon.store.write(lambda session: voices.emit_voice(session, session.get_one(Voice, "mine")))
        assert await code(anext(watch)) == "UNAUTHENTICATED"
        await client.add_person("mallory", ["speak"])
        assert await code(mallory.info()) == "UNAUTHENTICATED", "whoever comes back gets a new token"

    lived(tmp_path, life)


def test_a_share_lets_one_do_just_that(tmp_path: Path) -> None:
    async def life(place: Place) -> None:
        owner, mallory = place.living.client, place.mallory

        async def may() -> dict[str, str]:
            return {
                "see": await code(mallory.voice("quillon")),
                "speak": await first(mallory, "quillon"),
                "read": await code(mallory.dataset("quillon", 1)),
                "run": await code(mallory.run(place.goods.run)),
                "train": await code(mallory.archive("quillon", 1)),
                "own": await code(mallory.delete_voice("quillon")),
            }

        nothing = dict.fromkeys(("see", "speak", "read", "run", "train", "own"), "NOT_FOUND")
        no = dict.fromkeys(("speak", "read", "train", "own"), "PERMISSION_DENIED") | {"run": "NOT_FOUND", "see": "OK"}
        assert await may() == nothing
        await owner.share("quillon", "mallory", ["speak"])
        assert await may() == no | {"speak": "OK"}
        seen = await mallory.voice("quillon")
        assert (list(seen.may), seen.recordings, seen.next) == (["speak"], 0, "")
        assert [voice.name async for voice in mallory.voices()] == ["quillon"]
        assert {job.person async for job in mallory.jobs()} == {"mallory"}, "her own speech, and nobody else's"
        await owner.share("quillon", "mallory", ["read"])
        assert await may() == no | {"read": "OK", "run": "OK"}
        titles = {job.title async for job in mallory.jobs()}
        assert not [title for title in titles if "xylophage" in title], "what others say is theirs"
        await owner.share("quillon", "mallory", ["train"])
        assert await may() == no | {"train": "OK"}
        await owner.share("quillon", "mallory", [])
        assert await may() == nothing

    placed(tmp_path, life)


def test_a_job_is_tried_again_only_with_what_is_still_shared(tmp_path: Path) -> None:
    async def life(place: Place) -> None:
        owner, mallory = place.living.client, place.mallory
        await owner.share("quillon", "mallory", ["read"])
        job = await mallory.submit(pb.DeriveSpec(voice="refuse", parent="quillon", pitch=2.0))
        await place.living.until(job.id, "failed")
        await owner.share("quillon", "mallory", [])
        assert await code(mallory.retry(job.id)) == "NOT_FOUND"
        await owner.share("quillon", "mallory", ["read"])
        assert await code(mallory.retry(job.id)) == "OK"

    placed(tmp_path, life)


def test_whoever_gets_a_name_that_was_another_voices_is_not_told_what_happened_to_that_one(tmp_path: Path) -> None:
    async def life(place: Place) -> None:
        owner, mallory = place.living.client, place.mallory
        (place.living.daemon.home / "xylophage").touch()  # the owner has said all
        await place.living.until(place.goods.job, "succeeded")
        await owner.rename_voice("quillon", "robin")
        await mallory.create_voice("quillon", "en")
        told = []
        async for event in mallory.watch(0):
            told.append(event)
            if event.voice.name == "quillon" and event.voice.owner == "mallory":
                break
        assert len(told) == 1
        assert (await anext(owner.watch(0, voice="quillon"))).notice.sentence == "quillon has a syzygy."

    placed(tmp_path, life)


def test_whoever_may_only_change_a_voice_sends_it_a_package_and_reads_nothing(tmp_path: Path) -> None:
    async def life(place: Place) -> None:
        await place.living.client.share("quillon", "mallory", ["train"])
        sent = iter([pb.FilePart(voice="quillon", data=b"no package")])
        answer = await place.mallory.import_voice(sent)
        assert (answer.name, answer.recordings, answer.next) == ("quillon", 0, "")

    placed(tmp_path, life)


def test_speech_ends_with_the_share_that_it_was_asked_for_by(tmp_path: Path) -> None:
    async def life(place: Place) -> None:
        owner, mallory = place.living.client, place.mallory
        (place.living.daemon.home / "xylophage").touch()  # the owner has said all
        await owner.share("quillon", "mallory", ["speak"])
        stop = place.living.daemon.home / "stop"
        spoken = mallory.synthesize(pb.SpeakSpec(voice="quillon", text=f"one until={stop} three"))
        job = (await anext(spoken)).job
        assert (await anext(spoken)).text == "one"
        await owner.share("quillon", "mallory", [])
        stop.touch()
        assert await code(anext(spoken)) == "NOT_FOUND"
        await place.living.until(job, lambda told: told.status.WhichOneof("status") in ("cancelled", "succeeded"))

    placed(tmp_path, life)


def test_whose_a_voice_is_reads_of_it_what_they_may_read(tmp_path: Path) -> None:
    async def life(place: Place) -> None:
        bob = await place.person("bob", "speak", "train")
        (place.living.daemon.home / "xylophage").touch()  # the owner has said all
        await place.living.until(place.goods.job, "succeeded")
        await place.living.client.give("quillon", "bob")
        renamed = await bob.rename_voice("quillon", "robin")
        assert (renamed.name, renamed.recordings, renamed.next) == ("robin", 0, "")
        assert list(renamed.may) == ["speak", "train"]

    placed(tmp_path, life)


def test_nobody_may_more_with_a_share_than_at_all(tmp_path: Path) -> None:
    async def life(place: Place) -> None:
        bob = await place.person("bob", "speak")
        await place.living.client.share("quillon", "bob", ["speak", "read", "train"])
        assert await first(bob, "quillon") == "OK"
        assert await code(bob.dataset("quillon", 1)) == "PERMISSION_DENIED"
        assert await code(bob.create_voice("his", "en")) == "PERMISSION_DENIED"
        assert await code(bob.add_person("eve", ["admin"])) == "PERMISSION_DENIED"
        assert await code(bob.shutdown()) == "PERMISSION_DENIED"
        assert [one.name for one in await bob.people()] == ["bob"]

    placed(tmp_path, life)


def test_a_voice_is_whose_who_makes_it_and_can_be_given(tmp_path: Path) -> None:
    async def life(place: Place) -> None:
        owner, mallory = place.living.client, place.mallory
        bob = await place.person("bob", *EVERYTHING)
        assert (await mallory.create_voice("mine", "en")).voice.owner == "mallory"
        assert await code(bob.voice("mine")) == "NOT_FOUND"
        await mallory.share("mine", "bob", ["read"])
        assert await code(bob.share("mine", "carla", ["read"])) == "PERMISSION_DENIED"
        assert (await bob.voice("mine")).owner == "mallory"
        assert (await mallory.give("mine", "bob")).name == "mine"
        assert await code(mallory.voice("mine")) == "NOT_FOUND"
        assert await code(bob.rename_voice("mine", "his")) == "OK"
        await owner.give("quillon", "mallory")
        assert (await mallory.dataset("quillon", 1)).number == 1
        (row,) = [one for one in await owner.people() if one.name == "mallory"]
        assert list(row.voices) == ["quillon"]

    placed(tmp_path, life)


def test_a_voice_that_a_person_sends_recordings_to_is_theirs_and_a_voice_toml_is_not_taken(tmp_path: Path) -> None:
    async def life(place: Place) -> None:
        (tmp_path / "a.wav").write_bytes(b"no sound")
        toml = tmp_path / "voice.toml"
        toml.write_text('owner = "mallory"\n')
        assert await place.mallory.upload("sent", [("a.wav", tmp_path / "a.wav")]) == ["a.wav"]
        assert (await place.living.client.voice("sent")).owner == "mallory"
        with pytest.raises(ClientError, match=r"cannot send a voice\.toml"):
            await place.mallory.upload("sent", [("voice.toml", toml)])

    placed(tmp_path / "home", life)


def test_what_people_did_is_written_down_without_what_they_said(tmp_path: Path) -> None:
    async def life(place: Place) -> None:
        owner, mallory = place.living.client, place.mallory
        await mallory.create_voice("mine", "en")
        (place.living.daemon.home / "xylophage").touch()  # the owner has said all
        assert [chunk.last async for chunk in mallory.synthesize(pb.SpeakSpec(voice="mine", text="hello"))][-1]
        await code(mallory.archive("quillon", 1))
        await place.living.daemon.store.write(lambda session: None)  # behind what is written for nobody who waits
        acts = [(act.person, act.rpc, act.object, act.outcome) async for act in owner.acts("mallory")]
        assert ("mallory", "Voices.Create", "mine", "OK") in acts
        assert ("mallory", "Speech.Synthesize", "mine", "OK") in acts
        assert ("mallory", "Voices.Delete", "quillon", "NOT_FOUND") in acts
        assert "hello" not in str(acts)
        assert "People.Add" in {act.rpc async for act in owner.acts()}
        assert await code(anext(mallory.acts())) == "PERMISSION_DENIED"

    placed(tmp_path, life)


def test_acts_of_long_ago_are_forgotten_and_so_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "MOST_ACTS", 3)

    async def life(living: Living) -> None:
        def fill(session: Session) -> list[str]:
            people.note(session, "bob", "Jobs.Submit", "old", "OK", now() - timedelta(days=366))
            for number in range(5):
                people.note(session, "bob", "Jobs.Submit", str(number), "OK", now())
            session.flush()
            people.forget_acts(session)
            return list(session.scalars(select(Act.object).order_by(Act.id)))

        assert await living.daemon.store.write(fill) == ["2", "3", "4"]

    lived(tmp_path, life)


def test_a_certificates_name_is_a_person_once_there_are_people(tmp_path: Path) -> None:
    ours, port = Authority(tmp_path / "ours", "ours"), free_port()
    server, mallory, laptop = ours.sign("localhost"), ours.sign("mallory"), ours.sign("laptop")
    files = {"tls_cert": str(server.cert), "tls_key": str(server.key), "tls_client_ca": str(ours.own.cert)}

    async def life(living: Living) -> None:
        def by(pair: object) -> AsyncClient:
            cert, key = pair.cert, pair.key  # type: ignore[attr-defined]
            host = f"localhost:{port}"
            return connect_async(host=host, token="", tls_ca=ours.own.cert, tls_cert=cert, tls_key=key)

        async with by(laptop) as anybody:
            assert [voice.name async for voice in anybody.voices()] == ["anna"]
            await living.client.add_person("mallory", EVERYTHING)
            assert await code(anybody.info()) == "UNAUTHENTICATED"
        async with by(mallory) as her:
            assert [voice.name async for voice in her.voices()] == []
            assert (await her.create_voice("mine", "en")).voice.owner == "mallory"
            await living.client.revoke("mallory")
            assert await code(her.info()) == "UNAUTHENTICATED"

    lived(tmp_path / "home", life, listen=f"localhost:{port}", **files)


@pytest.mark.parametrize("name", ["", "7", "#7", "a" * 65, "a\nb", "-x", " anna", "a/b"])
def test_what_cannot_be_a_persons_name_is_a_sentence(tmp_path: Path, name: str) -> None:
    async def life(living: Living) -> None:
        with pytest.raises(ClientError, match="cannot be the name of a person"):
            await living.client.add_person(name, ["speak"])

    lived(tmp_path, life)


Asked = Callable[[AsyncClient], Awaitable[object]]


def test_many_ask_at_once_and_each_is_told_of_theirs(tmp_path: Path) -> None:
    """Who calls goes along with the call, and with no other."""

    async def life(place: Place) -> None:
        names = [f"p{number}" for number in range(5)]
        clients = [await place.person(f"person {name}", *EVERYTHING) for name in names]
        for name, client in zip(names, clients, strict=True):
            await client.create_voice(name, "en")

        async def voices(client: AsyncClient) -> list[str]:
            return [voice.name async for voice in client.voices()]

        found = await asyncio.gather(*(voices(client) for _ in range(10) for client in clients))
        assert found == [[name] for _ in range(10) for name in names]

    placed(tmp_path, life)
