"""Which version says what, and what is refused before a worker is bothered."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import lives
import pytest
from sqlalchemy.orm import Session
from voice_rows import clip, dataset, sha, version

from daemon.database.models import Job
from daemon.database.store import Store
from daemon.errors import BadRequest, MynaError, NotFound, NotNow
from daemon.kinds.speak.asked import BASE
from daemon.state import voices
from engines import registry, watermarks
from engines.capabilities import Capability
from engines.setting import Setting
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration


@pytest.fixture
def anna(store: Store) -> Store:
    def given(session: Session) -> None:
        dataset(session, 1, [clip(session, f"c{i}") for i in range(8)], [])
        version(session, 1)
        version(session, 2)
        voices.promote(session, "anna", 2, voices.BY_SCORE)

    store.write_now(given)
    return store


def spec(text: str = "Good morning.", **fields: object) -> pb.JobSpec:
    return pb.JobSpec(speak=pb.SpeakSpec(voice="anna", text=text, **fields))  # type: ignore[arg-type]


def test_without_a_number_the_promoted_version_speaks_also_when_another_is_promoted_meanwhile(
    anna: Store, tmp_path: Path
) -> None:
    what = spec()
    title = anna.write_now(lambda session: lives.kind(session, "speak").check(session, what))[1]
    assert title == "say “Good morning.” as anna@2"
    assert (what.speak.language, what.speak.speed) == ("en", 1.0)

    def later(session: Session) -> str:
        voices.promote(session, "anna", 1, voices.BY_PERSON)
        return lives.kind(session, "speak").plan(session, Job(spec=what.SerializeToString())).speak.version_name

    assert anna.write_now(later) == "anna@2"


def test_the_base_speaks_when_asked_for_with_clips_to_find_its_nearest_speaker(anna: Store, tmp_path: Path) -> None:
    what = spec(version=BASE)
    anna.read_now(lambda session: lives.kind(session, "speak").check(session, what))
    told = anna.read_now(
        lambda session: lives.kind(session, "speak").plan(session, Job(spec=what.SerializeToString())).speak
    )
    assert (told.version_name, told.version_dir, len(told.reference)) == ("anna@base", "", 8)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"text": ""}, "nothing to speak"),
        ({"text": " … !"}, "nothing to speak"),
        ({"text": "a" * 100_001}, "100001 characters"),
        (
            {"text": "日本 <break/>"},
            "The engine glow cannot say “日本” and “<break/>”, and nothing else is in this text",
        ),
        ({"language": "tlh"}, "does not speak 'tlh'"),
        ({"speed": 100.0}, "speed must be a number from 0.25 to 4; 100.0 was given"),
        ({"speed": float("nan")}, "nan was given"),
        ({"temperature": 1e300}, "temperature must be a number from 0 to 2"),
        ({"temperature": float("inf")}, "inf was given"),
    ],
)
def test_what_cannot_be_spoken_is_refused_with_a_sentence(anna: Store, fields: dict[str, object], words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        anna.read_now(lambda session: lives.kind(session, "speak").check(session, spec(**fields)))  # type: ignore[arg-type]


def test_a_text_of_which_something_can_be_said_is_taken_as_it_is(anna: Store) -> None:
    what = spec("日本Hello")
    anna.read_now(lambda session: lives.kind(session, "speak").check(session, what))
    assert what.speak.text == "日本Hello", "the worker leaves out what it cannot say, and tells of it"


def test_a_version_or_voice_that_is_not_there_is_named(anna: Store) -> None:
    with pytest.raises(NotFound, match="no version 9"):
        anna.read_now(lambda session: lives.kind(session, "speak").check(session, spec(version=9)))
    with pytest.raises(NotFound, match="no voice named 'bert'"):
        anna.read_now(
            lambda session: lives.kind(session, "speak").check(
                session, pb.JobSpec(speak=pb.SpeakSpec(voice="bert", text="Hello."))
            )
        )


@pytest.fixture
def conditioned(anna: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """anna, of an engine that hears how a voice sounds; one of her recordings is held out."""
    glow = registry.ENGINES["glow"]
    monkeypatch.setitem(
        registry.ENGINES, "glow", dataclasses.replace(glow, capabilities=glow.capabilities | {Capability.REFERENCES})
    )
    anna.write_now(lambda session: clip(session, "apart", held_out=True).id)
    return anna


def test_a_voice_is_to_sound_like_recordings_named_or_by_their_digest(conditioned: Store, tmp_path: Path) -> None:
    what = spec(references=["c3.wav", sha("recording c5")[:12].upper(), "c3.wav"])
    conditioned.read_now(lambda session: lives.kind(session, "speak").check(session, what))
    told = conditioned.read_now(
        lambda session: lives.kind(session, "speak").plan(session, Job(spec=what.SerializeToString())).speak
    )
    assert [ref.sha256 for ref in told.given] == [sha("c3"), sha("c5")]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"references": ["c9.wav"]}, "no recording 'c9.wav' to sound like"),
        ({"references": ["apart.wav"]}, "held out"),
        ({"references": ["c1.wav"], "speaker": "Claribel"}, "contradict each other"),
    ],
)
def test_references_that_cannot_be_are_refused_at_once(
    conditioned: Store, fields: dict[str, object], words: str
) -> None:
    with pytest.raises(MynaError, match=words):
        conditioned.read_now(lambda session: lives.kind(session, "speak").check(session, spec(**fields)))


@pytest.mark.parametrize("fields", [{"references": ["c1.wav"]}, {"speaker": "Claribel"}])
def test_an_engine_that_speaks_as_it_was_trained_takes_no_references(anna: Store, fields: dict[str, object]) -> None:
    with pytest.raises(BadRequest, match="glow speaks as it was trained"):
        anna.read_now(lambda session: lives.kind(session, "speak").check(session, spec(**fields)))


@pytest.mark.parametrize(
    ("options", "words", "hint"),
    [
        ({"loudness": 1.0}, "no glow speech setting named 'loudness'", "fast. `myna engines settings glow`"),
        ({"fast": 0.5}, "fast must be a whole number from 0 to 1; 0.5 was given", "quick"),
        ({"fast": 2.0}, "fast must be a whole number from 0 to 1; 2 was given", "quick"),
    ],
)
def test_settings_that_the_engine_does_not_have_are_refused_at_once(
    anna: Store, monkeypatch: pytest.MonkeyPatch, options: dict[str, float], words: str, hint: str
) -> None:
    own = {"fast": Setting("quick", 0, 1, kind=int, usual=0)}
    monkeypatch.setitem(registry.ENGINES, "glow", dataclasses.replace(registry.ENGINES["glow"], options=own))
    anna.read_now(lambda session: lives.kind(session, "speak").check(session, spec(options={"fast": 1.0})))
    with pytest.raises(BadRequest, match=words) as refused:
        anna.read_now(lambda session: lives.kind(session, "speak").check(session, spec(options=options)))
    assert hint in refused.value.hint


def test_the_watermark_of_the_site_is_in_the_plan_and_its_absence_is_a_sentence(
    anna: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(session: Session) -> str:
        what = spec()
        kind = lives.kind(session, "speak")
        kind.check(session, what)
        return kind.plan(session, Job(spec=what.SerializeToString())).speak.watermark

    (tmp_path / "voices" / "anna" / "2").mkdir(parents=True)
    assert anna.read_now(told) == "off"
    (tmp_path / "myna.toml").write_text('[speech]\nwatermark = "perth"\n')
    assert anna.read_now(told) == "perth"
    monkeypatch.setattr(watermarks, "find_spec", lambda name: None)
    with pytest.raises(NotNow, match="resemble-perth, which is not installed"):
        anna.read_now(told)
