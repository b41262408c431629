"""A voice with `language = "auto"` in its voice.toml gets the language that Whisper hears."""

from __future__ import annotations

from pathlib import Path

import lives
import pytest
from inbox_workshop import InProcessChannel, Killed
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import sha

from daemon.database.models import EventRow, Recording, Voice
from daemon.database.store import Store
from daemon.inbox import voice_toml
from daemon.kinds.dataset import worker
from daemon.state import heard_language, recordings, voices
from engines.recognisers import ENVIRONMENT
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from tests.engines.speech import recording
from tests.engines.transcription.tiny_whisper import Size, build

pytestmark = pytest.mark.integration

FINNISH = Size(multilingual=True, speaks="fi")
LONG, SHORT = ["market", "letter", "harbour"] * 3, ["letter"]


@pytest.fixture(autouse=True)
def no_weights_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)


def take(session: Session, home: Path, name: str, parts: list[str]) -> None:
    made = recording(home / f"{name}.flac", parts)
    told = wire.RecordingTaken(
        file=name.encode(), name=name, sha256=sha(name), path=f"{name}.flac", seconds=made.seconds, has_text=True,
        text=made.text,
    )  # fmt: skip
    recordings.take(session, "anna", told)
    session.flush()


def say(session: Session, toml: str) -> None:
    voice_toml.apply(session, session.get_one(Voice, "anna"), voice_toml.parse(toml.encode()))


def cut(store: Store, home: Path, **kill: int) -> InProcessChannel:
    """What a job does now, and what it said."""

    def planned(session: Session) -> tuple[int, wire.DatasetPlan]:
        job = lives.submit(session, pb.JobSpec(dataset=pb.DatasetSpec(voice="anna")))
        plan: wire.DatasetPlan = lives.kind(session, "dataset").plan(session, job).dataset
        return job.id, plan

    job, plan = store.write_now(planned)
    channel = InProcessChannel(store, home, job)
    for name, value in kill.items():
        setattr(channel, name, value)
    worker.run(plan, channel)  # type: ignore[arg-type]
    return channel


def row(store: Store) -> pb.Voice:
    found: pb.Voice = store.read_now(lambda session: voices.message(session, voices.get(session, "anna")))
    return found


def uncut(store: Store) -> list[str]:
    query = select(Recording.name).where(Recording.cut.is_(None))
    return store.read_now(lambda session: sorted(session.scalars(query)))


def notices(store: Store) -> list[pb.Notice]:
    events = store.read_now(
        lambda session: [pb.Event.FromString(one) for one in session.scalars(select(EventRow.payload))]
    )
    return [one.notice for one in events if one.HasField("notice")]


@pytest.fixture
def voice(store: Store, tmp_path: Path) -> Store:
    """Little was recorded, and cut as English for want of Whisper."""

    def given(session: Session) -> None:
        take(session, tmp_path, "first", SHORT)
        say(session, 'language = "auto"')

    store.write_now(given)
    channel = cut(store, tmp_path)
    assert any("no Whisper model is here to hear it" in text for _, text in channel.logs)
    assert uncut(store) == []
    found = row(store)
    assert (found.language, found.HasField("heard_language"), found.heard_language.language) == ("en", True, "")
    return store


def test_once_enough_was_heard_the_language_is_told_and_holds(voice: Store, tmp_path: Path) -> None:
    build(tmp_path / "weights" / "whisper", FINNISH)
    voice.write_now(take, tmp_path, "second", LONG)
    channel = cut(voice, tmp_path)
    first, *cuts = channel.committed
    assert first.language.language == "fi", "before anything is cut"
    assert sorted(one.cut.recording for one in cuts) == sorted([sha("first"), sha("second")])
    found = row(voice)
    assert (found.language, found.heard_language.language) == ("fi", "fi")
    assert found.heard_language.probability > 0.9
    assert 30 < found.heard_language.seconds < 60
    assert uncut(voice) == []
    (notice,) = notices(voice)
    assert notice.sentence.startswith("anna speaks 'fi' by Whisper's ear")
    assert "glow does not" in notice.sentence
    voice.write_now(take, tmp_path, "third", SHORT)
    (only,) = cut(voice, tmp_path).committed
    assert only.cut.recording == sha("third"), "it is not heard a second time"


def test_a_model_that_comes_when_everything_is_cut_hears_it_without_another_recording(
    store: Store, tmp_path: Path
) -> None:
    def given(session: Session) -> None:
        take(session, tmp_path, "only", LONG)
        say(session, 'language = "auto"')
        clip = wire.CutClip(end=4.0, kept=True, sha256=sha("a0"), path="a0", text="As English.", text_source="given")
        recordings.store_cut(session, "anna", wire.RecordingCut(recording=sha("only"), clips=[clip]))

    def fetched(session: Session) -> list[str]:
        job = lives.submit(session, pb.JobSpec(fetch=pb.FetchSpec(engine="whisper-base", folder="/there")))
        return [due.spec.dataset.voice for due in lives.kind(session, "fetch").finished(session, job)]

    store.write_now(given)
    assert store.write_now(fetched) == ["anna"], "by itself"
    build(tmp_path / "weights" / "whisper", FINNISH)
    told, again = cut(store, tmp_path).committed
    assert (told.language.language, again.cut.recording) == ("fi", sha("only"))
    assert row(store).language == "fi"
    assert store.read_now(heard_language.waiting) == []
    assert cut(store, tmp_path).committed == [], "and not a second time"


def test_a_kill_when_it_was_told_leaves_everything_to_be_cut_by_it(voice: Store, tmp_path: Path) -> None:
    build(tmp_path / "weights" / "whisper", FINNISH)
    voice.write_now(take, tmp_path, "second", LONG)
    with pytest.raises(Killed):
        cut(voice, tmp_path, kill_after=0)
    assert row(voice).language == "fi"
    assert uncut(voice) == ["first", "second"]
    assert len(cut(voice, tmp_path).committed) == 2


def test_too_little_speech_is_said_and_tells_nothing(voice: Store, tmp_path: Path) -> None:
    build(tmp_path / "weights" / "whisper", FINNISH)
    voice.write_now(take, tmp_path, "second", SHORT)
    channel = cut(voice, tmp_path)
    assert any("language cannot be told yet" in text and "it takes 30 s of speech" in text for _, text in channel.logs)
    assert row(voice).language == "en"
    assert notices(voice) == []


def test_a_given_language_stands_against_what_was_heard(voice: Store, tmp_path: Path) -> None:
    build(tmp_path / "weights" / "whisper", FINNISH)

    def given(session: Session) -> None:
        take(session, tmp_path, "second", LONG)
        owner = voices.get(session, "anna")
        say(session, 'engine = "xtts"\nlanguage = "en"')
        lately = wire.LanguageHeard(language="fi", probability=0.9, seconds=50.0)
        lives.kind(session, "dataset").commit(session, _job(session), wire.Report(language=lately))
        assert owner.language == "en"
        assert not heard_language.is_left_open(owner)

    voice.write_now(given)
    assert not row(voice).HasField("heard_language")
    cut(voice, tmp_path)
    assert row(voice).language == "en"


def _job(session: Session) -> object:
    return lives.submit(session, pb.JobSpec(dataset=pb.DatasetSpec(voice="anna")))
