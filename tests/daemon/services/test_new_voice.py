"""A voice is made before there are recordings: what its voice.toml has, what is said of its language, what is
refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from living_daemon import Living, lived
from sqlalchemy.orm import Session

from daemon.database.models import Voice, now
from daemon.database.store import Store
from daemon.errors import NotNow
from daemon.inbox import new_voice, voice_toml
from daemon.inbox.sweep import sweep
from daemon.settings import Settings
from engines import recognisers, registry
from proto import myna_pb2 as pb
from proto.client import ClientError

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def no_whisper_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(recognisers.ENVIRONMENT, raising=False)


def by_name(made: pb.CreateVoiceResponse) -> dict[str, pb.Finding]:
    return {finding.name: finding for finding in made.findings}


def put_whisper(home: Path) -> None:
    """A folder that looks like a model: nothing here loads it."""
    folder = home / "weights" / "whisper" / "small"
    folder.mkdir(parents=True)
    for name in recognisers.NEEDED:
        (folder / name).touch()


def test_a_voice_has_its_folder_and_is_as_its_voice_toml_says(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        made = await living.client.create_voice("bert", "en")
        folder = tmp_path / "inbox" / "bert"
        assert made.path == str(folder)
        assert [path.name for path in folder.iterdir()] == ["voice.toml"]
        assert (made.voice.name, made.voice.language, made.voice.engine) == ("bert", "en", "glow")
        assert (await living.client.voice("bert")).next == "waits for recordings in inbox/bert/"
        assert {name: finding.state for name, finding in by_name(made).items()} == dict.fromkeys(
            ("engine", "numbers", "text", "recogniser", "further texts"), "ok"
        )
        given = voice_toml.parse((folder / "voice.toml").read_bytes())
        store = living.daemon.store
        assert not store.write_now(lambda s: voice_toml.apply(s, s.get_one(Voice, "bert"), given)), "nothing to change"

    lived(tmp_path, life)


def test_a_language_can_be_left_to_be_heard(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        made = await living.client.create_voice("bert", "auto")
        assert (made.voice.language, made.voice.engine) == ("en", "glow")
        assert (made.voice.HasField("heard_language"), made.voice.heard_language.language) == (True, "")
        assert 'language = "auto"' in (tmp_path / "inbox" / "bert" / "voice.toml").read_text().splitlines()
        told = by_name(made)["language"]
        assert told.state == "note"
        assert told.sentence.startswith("Only Whisper tells the language by the recordings, and it is not here.")
        put_whisper(tmp_path)
        assert by_name(await living.client.create_voice("carl", "auto"))["language"].state == "ok"

    lived(tmp_path, life)


def test_of_a_language_that_no_engine_speaks_it_is_said_who_speaks_what(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        made = await living.client.create_voice("aino", "vi")
        found = by_name(made)
        assert found["engine"].state == "problem"
        assert found["engine"].sentence.startswith("No engine speaks vi. glow speaks en; xtts speaks en es fr de")
        assert "does not train until `engine` in its voice.toml names one" in found["engine"].hint
        assert (found["recogniser"].state, found["numbers"].state) == ("note", "ok")
        assert str(tmp_path / "weights" / "whisper") in found["recogniser"].hint
        assert found["further texts"].sentence.startswith("There are no further texts of vi")
        toml = (tmp_path / "inbox" / "aino" / "voice.toml").read_text()
        assert "auto_train = false" in toml.splitlines()
        assert "without_wer = true" in toml.splitlines()
        assert made.voice.language == "vi"

    lived(tmp_path, life)


def test_whisper_and_what_an_engine_lacks_are_seen(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    home = store.path.parent
    put_whisper(home)
    monkeypatch.setattr("engines.language.find_spec", lambda name: None)
    plan = new_voice.plan(pb.CreateVoiceRequest(name="aki", language="ja"), Settings(), home)
    assert getattr(plan.engine, "name", "") == "xtts"
    found = {one.name: one for one in store.read_now(new_voice.told, plan, home)}
    assert found["recogniser"].sentence == "Whisper hears ja: recordings need no transcripts."
    assert "the package cutlet, which is not installed" in found["text"].sentence
    assert "myna-voice[languages]" in found["text"].hint
    assert found["engine"].state == "note"
    assert "`myna engines accept xtts`" in found["engine"].sentence
    assert found["further texts"].state == "ok"
    assert b"without_wer = true" not in new_voice.toml_of(plan)


#: A commented setting of a voice.toml.
COMMENTED = re.compile(r"^# (\w+ = .*)$", re.MULTILINE)


@pytest.mark.parametrize("shown", [False, True], ids=["as it is", "with every comment taken at its word"])
@pytest.mark.parametrize("code", sorted({code for info in registry.ENGINES.values() for code in info.languages}))
def test_each_language_of_an_engine_has_a_voice_toml_that_the_inbox_takes(store: Store, code: str, shown: bool) -> None:
    home = store.path.parent

    def act(session: Session) -> tuple[str, str]:
        plan = new_voice.plan(pb.CreateVoiceRequest(name="bert", language=code), Settings(), home)
        row = Voice(name="bert", language="en", engine="glow", options={"auto_train": False}, created=now())
        session.add(row)
        session.flush()
        toml = new_voice.toml_of(plan).decode()
        assert "# learning_rate = " in toml
        voice_toml.apply(session, row, voice_toml.parse((COMMENTED.sub(r"\1", toml) if shown else toml).encode()))
        return row.language, row.engine

    first = next(info.name for info in registry.ENGINES.values() if code in info.languages)
    assert store.write_now(act) == (code, first)


def refused(home: Path, prepare: str, **asked: str) -> str:
    """The sentence with which a voice is refused; `prepare` says what is there before."""
    told: list[str] = []

    async def life(living: Living) -> None:
        if prepare == "deleted":
            await living.client.delete_voice("anna")
        with pytest.raises(ClientError) as problem:
            await living.client.create_voice(**asked)
        told.append(f"{problem.value.sentence} {problem.value.hint}")

    lived(home, life)
    return told[0]


@pytest.mark.parametrize(
    ("asked", "prepare", "sentence"),
    [
        ({"name": "Über Voice"}, "", "cannot be the name of a voice. 'über-voice' would do."),
        ({"name": "../anna"}, "", "cannot be the name of a voice."),
        ({"name": "anna"}, "", "There is a voice named anna already. Choose another name."),
        (
            {"name": "anna"},
            "deleted",
            "which was deleted: `myna voices restore anna` brings it back.",
        ),
        ({"name": "bert", "language": "Finnish"}, "", "language must be a code, like"),
        ({"name": "bert", "engine": "bark"}, "", "There is no engine named 'bark'. Use one of: glow, xtts, fish."),
        ({"name": "bert", "language": "de", "engine": "glow"}, "", "does not speak 'de'. xtts and fish speak it."),
        ({"name": "bert", "language": "fi", "engine": "glow"}, "", "does not speak 'fi'. fish speaks it."),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(
    tmp_path: Path, asked: dict[str, str], prepare: str, sentence: str
) -> None:
    assert sentence in refused(tmp_path, prepare, **asked)
    assert list((tmp_path / "inbox").iterdir()) == []


def test_a_folder_that_is_there_is_left_as_it_is(store: Store) -> None:
    home = store.path.parent
    toml = home / "inbox" / "bert" / "voice.toml"
    toml.parent.mkdir(parents=True)
    toml.write_text('language = "de"\n')
    (home / "elsewhere").mkdir()
    (home / "inbox" / "cleo").symlink_to(home / "elsewhere")
    for name in ("bert", "cleo"):
        with pytest.raises(NotNow, match=f"inbox/{name} is there already"):
            store.read_now(new_voice.check_free, home, name)
        with pytest.raises(OSError):
            new_voice.write(home, name, b"")
    assert toml.read_text() == 'language = "de"\n'
    assert sorted(path.name for path in (home / "inbox").iterdir()) == ["bert", "cleo"], "nothing half-made is left"
    assert list((home / "elsewhere").iterdir()) == []


def test_what_a_kill_left_half_made_is_swept(tmp_path: Path) -> None:
    half = tmp_path / "inbox" / ".new-0123"
    half.mkdir(parents=True)
    (half / "voice.toml").touch()
    sweep(tmp_path)
    assert not half.exists()
