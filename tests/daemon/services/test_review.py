"""The review queue: what may be wrong, the most doubtful first, and what leaves it when a person has decided."""

from __future__ import annotations

from typing import Any

import pytest
from calls import Refused
from datasets_service import ask, service_of
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import sha

from daemon.database.models import Clip
from daemon.state import datasets, recordings
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration


def cut(session: Session, name: str, *, heard: wire.ClipFacts | None = None, text: str = "", **quality: float) -> None:
    """A recording of one clip, as a worker reports it; its text is given unless one was heard."""
    taken = wire.RecordingTaken(file=name.encode(), name=name, sha256=sha(name), path=name, seconds=4.0)
    row = recordings.take(session, "anna", taken)
    session.flush()
    numbers = {"rms_db": -23.0, "peak": 0.5, "snr_db": 40.0, "clipped_share": 0.0, "chars_per_second": 12.0, **quality}
    facts = wire.ClipFacts(seconds=4.0, speech=3.5)
    facts.MergeFrom(heard or wire.ClipFacts())
    clip = wire.CutClip(
        start=0.0, end=4.0, kept=True, text=text or f"the text of {name}",
        text_source="pocketsphinx" if text else "given", trust="low" if text else "given",
        sha256=sha(f"clip of {name}"), path=f"clips/{name}.flac", quality=numbers,
        facts=facts,
    )  # fmt: skip
    recordings.store_cut(session, "anna", wire.RecordingCut(recording=row.sha256, clips=[clip]))
    session.flush()


@pytest.fixture
def voice(daemon: Any) -> Any:
    """Good clips, and one of each kind to doubt."""

    def given(session: Session) -> None:
        for n in range(6):
            cut(session, f"good-{n}", text_fit=-1.0)
        weakly = wire.ClipFacts(heard="something else", heard_trust="low", confidence=0.6)
        cut(session, "misfit", heard=weakly, text_fit=-2.6, cer=0.5)
        cut(session, "hardly", text_fit=-1.8)
        cut(session, "guessed", heard=wire.ClipFacts(heard_trust="low", confidence=0.45), text="as it was heard")
        cut(session, "noisy", snr_db=9.5)
        cut(session, "hall", rt60=0.9)
        datasets.build(session, "anna")

    daemon.store.write_now(given)
    return daemon


def names(found: pb.ReviewResponse) -> list[str]:
    return [clip.recording_name for clip in found.clips]


def review(daemon: Any, size: int = 0, token: str = "") -> pb.ReviewResponse:
    answer: pb.ReviewResponse = ask(
        service_of(daemon).Review, pb.ReviewRequest(voice="anna", page=pb.Page(size=size, token=token))
    )
    return answer


def numbers(daemon: Any) -> list[int]:
    """Of the voice's datasets, after making one if one is due."""

    def act(session: Session) -> list[int]:
        datasets.build(session, "anna")
        return [row.number for row in datasets.page(session, "anna", 0, 10)]

    found: list[int] = daemon.store.write_now(act)
    return found


def test_the_most_doubtful_come_first_with_reasons_and_words(voice: Any) -> None:
    found = review(voice)
    assert names(found) == ["misfit", "guessed", "noisy", "hardly"]
    assert found.left == 4
    doubts = [clip.doubt for clip in found.clips]
    assert doubts == sorted(doubts, reverse=True)
    misfit, guessed, noisy, _ = found.clips
    assert [doubt.reason for doubt in misfit.doubts] == ["poor-fit", "disagree"]
    assert misfit.doubts[0].measured == pytest.approx(-2.6)
    assert misfit.doubts[0].sentence == "Its text hardly fits the sound: -2.6, right texts are above -1.3."
    assert [doubt.reason for doubt in guessed.doubts] == ["not-understood"]
    assert not noisy.kept
    assert noisy.doubts[0].title == "dropped narrowly"
    assert noisy.doubts[0].sentence == "It was dropped narrowly (noisy): 9.5 dB, the limit is 10.0 dB."


def test_the_queue_comes_in_pages(voice: Any) -> None:
    first = review(voice, 3)
    rest = review(voice, 3, first.next_token)
    assert names(first) + names(rest) == names(review(voice))
    assert (first.left, rest.left, rest.next_token) == (4, 4, "")


def test_what_a_person_has_decided_leaves_the_queue_and_comes_back_when_that_is_undone(voice: Any) -> None:
    service = service_of(voice)
    before = {clip.recording_name: clip for clip in review(voice).clips}
    asked = [
        pb.SetClipRequest(voice="anna", sha256=sha("clip of misfit"), text="What is really said"),
        pb.SetClipRequest(voice="anna", sha256=sha("clip of hardly"), accept=True),
        pb.SetClipRequest(voice="anna", sha256=sha("clip of guessed"), kept=False),
        pb.SetClipRequest(voice="anna", sha256=sha("clip of noisy"), accept=True),
    ]
    for left, request in zip((3, 2, 1, 0), asked, strict=True):
        assert ask(service.SetClip, request).trust == "person"
        assert review(voice).left == left
    for name, clip in before.items():
        ask(service.SetClip, pb.SetClipRequest(voice="anna", sha256=sha(f"clip of {name}"), undo=clip))
    assert list(review(voice).clips) == list(before.values())


def test_accepting_makes_no_dataset_and_a_fix_goes_into_the_next_one(voice: Any) -> None:
    service = service_of(voice)
    made = numbers(voice)
    for clip in review(voice).clips:
        after = ask(service.SetClip, pb.SetClipRequest(voice="anna", sha256=clip.sha256, accept=True))
        assert (after.kept, after.text, after.reason) == (clip.kept, clip.text, clip.reason)
    assert voice.inbox.voices == [], "nothing is due"
    assert numbers(voice) == made
    ask(service.SetClip, pb.SetClipRequest(voice="anna", sha256=sha("clip of misfit"), text="What is really said"))
    assert voice.inbox.voices == ["anna"]
    assert numbers(voice) == [made[0] + 1, *made]
    assert voice.store.read_now(lambda session: datasets.last(session, "anna").new_clips) == 1


def test_accepting_alone(voice: Any) -> None:
    asked = pb.SetClipRequest(voice="anna", sha256=sha("clip of misfit"), text="other", accept=True)
    with pytest.raises(Refused, match="accepts it as it is"):
        ask(service_of(voice).SetClip, asked)


def test_a_text_for_a_clip_that_was_dropped_for_its_text_takes_it_in(voice: Any) -> None:
    strongly = wire.ClipFacts(heard="quite other words", heard_trust="high", confidence=0.9)

    def given(session: Session) -> None:
        cut(session, "other", heard=strongly, cer=0.3)
        datasets.build(session, "anna")

    voice.store.write_now(given)
    (found,) = (clip for clip in review(voice).clips if clip.recording_name == "other")
    assert (found.kept, found.reason) == (False, "disagree")
    service = service_of(voice)
    fixed = ask(service.SetClip, pb.SetClipRequest(voice="anna", sha256=found.sha256, text="Quite other words."))
    assert (fixed.kept, fixed.reason) == (True, "")
    noisy = ask(service.SetClip, pb.SetClipRequest(voice="anna", sha256=sha("clip of noisy"), text="Hardly heard."))
    assert (noisy.kept, noisy.reason) == (False, "noisy"), "a text makes no sound better"


def test_clips_of_which_nothing_is_known_or_that_cannot_be_heard_are_not_reviewed(voice: Any) -> None:
    def forget(session: Session) -> None:
        for clip in session.scalars(select(Clip)):
            if clip.path == "clips/misfit.flac":
                clip.facts = None
            if clip.path == "clips/noisy.flac":
                clip.sha256 = ""

    voice.store.write_now(forget)
    assert names(review(voice)) == ["guessed", "hardly"]


def test_a_voice_that_is_not_there_has_no_queue(voice: Any) -> None:
    with pytest.raises(Refused, match="no voice"):
        ask(service_of(voice).Review, pb.ReviewRequest(voice="nobody"))
