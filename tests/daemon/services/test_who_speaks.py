"""Who speaks in a voice's recordings: told, guessed, chosen by a person; and whose clips the next dataset has."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import lives
import pytest
from calls import Refused
from datasets_service import ask, service_of
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import sha

from daemon.database.models import Clip, EventRow, Voice
from daemon.database.store import Store
from daemon.home import adopt, speaker_file, survey
from daemon.home.voice_folders import move
from daemon.state import datasets, own_speaker, recordings, voice_life
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from tests.engines.judging.made_people import Person

pytestmark = pytest.mark.integration

ANNA = Person(1)
BOB = Person(2, like=ANNA, alike=0.6)


def cut(session: Session, name: str, *turns: tuple[Person, int], measured: bool = True, voice: str = "anna") -> None:
    """A recording in which people take turns of so many clips of 4 s, as a worker reports it."""
    taken = wire.RecordingTaken(file=name.encode(), name=name, sha256=sha(name), path=name, seconds=400.0)
    row = recordings.take(session, voice, taken)
    session.flush()
    said = [clip for person, count in turns for clip in person.says(0, count, 0)]
    numbers = {"rms_db": -23.0, "peak": 0.5, "snr_db": 40.0, "clipped_share": 0.0, "chars_per_second": 12.0}
    clips = [
        wire.CutClip(
            start=4.0 * n, end=4.0 * n + 4, kept=True, text=f"text {n} of {name}", text_source="given", trust="given",
            sha256=sha(f"{name} {n}"), path=f"clips/{name}-{n}.flac", quality=numbers,
            facts=wire.ClipFacts(seconds=4.0, speech=3.5, voiceprint=clip.voiceprint if measured else b""),
        )
        for n, clip in enumerate(said)
    ]  # fmt: skip
    recordings.store_cut(session, voice, wire.RecordingCut(recording=row.sha256, clips=clips))
    session.flush()


@pytest.fixture
def talk(daemon: Any) -> Any:
    """One recording: Bob asks, Anna answers, Bob says most."""

    def given(session: Session) -> None:
        cut(session, "talk", (BOB, 20), (ANNA, 12))
        datasets.build(session, "anna")

    daemon.store.write_now(given)
    (daemon.home / "recordings").mkdir(exist_ok=True)
    return daemon


def kept(daemon: Any) -> set[str]:
    """Names of the kept clips."""
    return kept_of(daemon.store)


def kept_of(store: Store) -> set[str]:
    def query(session: Session) -> set[str]:
        return {
            path.removeprefix("clips/").removesuffix(".flac")
            for path in session.scalars(select(Clip.path).where(Clip.kept))
        }

    found: set[str] = store.read_now(query)
    return found


OF_BOB, OF_ANNA = {f"talk-{n}" for n in range(20)}, {f"talk-{n}" for n in range(20, 32)}


def test_who_says_most_is_guessed_and_a_person_is_told(talk: Any) -> None:
    assert kept(talk) == OF_BOB
    found = ask(service_of(talk).Speakers, pb.SpeakersRequest(voice="anna"))
    assert [(one.clips, one.seconds, one.recordings) for one in found.speakers] == [(20, 80.0, 1), (12, 48.0, 1)]
    assert (found.by, found.compared) == (pb.OWN_SPEAKER_MOST, 32)
    assert found.speakers[0].likeness == pytest.approx(1.0, abs=1e-3)
    assert found.speakers[1].likeness == pytest.approx(0.6, abs=0.1)
    assert found.speakers[1].example.recording_name == "talk"
    sentence = talk.store.write_now(own_speaker.tell, "anna")
    assert "2 people speak in anna's recordings: the voice's own speaker for 80 s, another for 48 s" in sentence

    def noticed(session: Session) -> list[str]:
        events = [pb.Event.FromString(one) for one in session.scalars(select(EventRow.payload))]
        return [one.notice.hint for one in events if one.HasField("notice")]

    (hint,) = talk.store.read_now(noticed)
    assert hint.startswith("`myna datasets speakers anna`")


def test_a_person_chooses_another_and_it_stays(talk: Any) -> None:
    service = service_of(talk)
    theirs = sorted(OF_ANNA)[3].split("-")[1]
    found = ask(service.ChooseSpeaker, pb.ChooseSpeakerRequest(voice="anna", sha256=sha(f"talk {theirs}")))
    assert ([one.clips for one in found.speakers], found.by) == ([12, 20], pb.OWN_SPEAKER_PERSON)
    assert kept(talk) == OF_ANNA
    assert talk.inbox.voices == ["anna"], "a new dataset is due"

    def more(session: Session) -> None:
        cut(session, "more", (BOB, 40))
        datasets.build(session, "anna")

    talk.store.write_now(more)
    assert kept(talk) == OF_ANNA, "though Bob alone has a recording now"
    found = ask(service.ChooseSpeaker, pb.ChooseSpeakerRequest(voice="anna"))
    assert found.by == pb.OWN_SPEAKER_ALONE
    assert kept(talk) == OF_BOB | {f"more-{n}" for n in range(40)}


def gone(session: Session, voice: str) -> str:
    """What is told once the recording of the talk is taken out, and another one has come."""
    recordings.remove(session, voice, sha("talk"))
    cut(session, "letter", (ANNA, 12))
    datasets.build(session, voice)
    return own_speaker.tell(session, voice)


def notices(talk: Any) -> list[str]:
    def query(session: Session) -> list[str]:
        events = [pb.Event.FromString(one) for one in session.scalars(select(EventRow.payload))]
        return [one.notice.sentence for one in events if one.HasField("notice")]

    found: list[str] = talk.store.read_now(query)
    return found


def test_whom_a_person_chose_and_who_is_heard_no_more_is_told_of(talk: Any) -> None:
    service = service_of(talk)
    ask(service.ChooseSpeaker, pb.ChooseSpeakerRequest(voice="anna", sha256=sha("talk 3")))
    assert talk.store.write_now(own_speaker.tell, "anna").startswith(" 2 people speak")
    assert notices(talk) == []
    sentence = "Whom a person called anna's own speaker is not heard in its recordings (any more)."
    assert sentence in talk.store.write_now(gone, "anna")
    assert notices(talk) == [sentence]
    found = ask(service.Speakers, pb.SpeakersRequest(voice="anna"))
    assert (found.missing, found.by) == (True, pb.OWN_SPEAKER_ALONE)


def test_a_choice_comes_back_after_the_database_is_lost(talk: Any, tmp_path: Path) -> None:
    service = service_of(talk)
    ask(service.ChooseSpeaker, pb.ChooseSpeakerRequest(voice="anna", sha256=sha("talk 25")))
    assert talk.store.read_now(own_speaker.unwritten, talk.home) == []
    talk.store.write_now(voice_life.begin_rename, "anna", "wren")
    move(talk.home, "anna", "wren")
    move(talk.home, "anna", "wren")  # killed, and done again
    assert talk.store.read_now(own_speaker.unwritten, talk.home) == []
    with_nothing = Store(tmp_path / "new")
    try:
        with_nothing.write_now(recordings.ensure_voice, "wren")
        with_nothing.write_now(lambda session: adopt.take_in(session, lives.lifecycle(session), [], talk.home, batch=9))
        with_nothing.write_now(lambda session: cut(session, "talk", (BOB, 20), (ANNA, 12), voice="wren"))
        with_nothing.write_now(datasets.build, "wren")
        assert kept_of(with_nothing) == OF_ANNA, "though they have other clips"
    finally:
        with_nothing.close()


def test_a_choice_that_is_taken_back_does_not_come_back(talk: Any) -> None:
    service = service_of(talk)
    ask(service.ChooseSpeaker, pb.ChooseSpeakerRequest(voice="anna", sha256=sha("talk 25")))
    assert len(speaker_file.read(talk.home)["anna"]) == 128
    ask(service.ChooseSpeaker, pb.ChooseSpeakerRequest(voice="anna"))
    assert speaker_file.read(talk.home) == {}


def test_choices_that_the_file_lacks_are_written_at_the_start_and_damaged_lines_passed_over(talk: Any) -> None:
    print_of = talk.store.read_now(own_speaker.print_of, "anna", sha("talk 25"))
    talk.store.write_now(own_speaker.choose, "anna", print_of)
    assert speaker_file.read(talk.home) == {}
    asyncio.run(survey.at_start(talk.store, talk.home))
    with (talk.home / "recordings" / speaker_file.NAME).open("a") as file:
        file.write('{"voice": "anna", "own_sp\n{"voice": "anna", "own_speaker": "xyz"}\n')
        file.write('{"voice": "anna", "own_speaker": "0000"}\n{"voice": "anna", "own_speaker": 5}\n[]\n')
    assert speaker_file.read(talk.home) == {"anna": print_of}
    assert talk.store.read_now(own_speaker.unwritten, talk.home) == []


def test_recordings_of_one_tell_whose_voice_it_is(talk: Any) -> None:
    def letters(session: Session) -> str:
        for n in range(3):
            cut(session, f"letter{n}", (ANNA, 2))
        datasets.build(session, "anna")
        return own_speaker.tell(session, "anna")

    assert "guessed" not in talk.store.write_now(letters)
    assert kept(talk) == OF_ANNA | {f"letter{n}-{clip}" for n in range(3) for clip in range(2)}


def test_what_a_person_said_of_a_clip_stands_whoever_speaks(talk: Any) -> None:
    talk.store.write_now(datasets.set_clip, "anna", sha("talk 25"), None, True)
    talk.store.write_now(datasets.build, "anna")
    assert kept(talk) == OF_BOB | {"talk-25"}


def test_one_who_is_not_to_be_told_apart_is_refused_with_what_to_do(talk: Any) -> None:
    talk.store.write_now(lambda session: cut(session, "old", (ANNA, 1), measured=False))
    service = service_of(talk)
    with pytest.raises(Refused, match="was not measured"):
        ask(service.ChooseSpeaker, pb.ChooseSpeakerRequest(voice="anna", sha256=sha("old 0")))
    with pytest.raises(Refused, match="has no clip"):
        ask(service.ChooseSpeaker, pb.ChooseSpeakerRequest(voice="anna", sha256=sha("nothing")))


def test_nobody_is_told_of_where_speakers_are_not_compared(talk: Any) -> None:
    def off(session: Session) -> str:
        session.get_one(Voice, "anna").options = {"dataset": {"other_speaker": 0.0}}
        datasets.build(session, "anna")
        return own_speaker.tell(session, "anna")

    assert talk.store.write_now(off) == ""
    assert kept(talk) == OF_BOB | OF_ANNA
    assert ask(service_of(talk).Speakers, pb.SpeakersRequest(voice="anna")).everybody
