"""Clips over the wire: what a person says of one, how that is taken back, and how a clip is heard."""

from __future__ import annotations

from typing import Any

import pytest
from calls import Refused
from datasets_service import ask, service_of
from sqlalchemy.orm import Session
from voice_rows import clip, dataset, sha

from daemon.database.models import Clip
from daemon.state import datasets
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration


def test_dropped_clips_are_shown_with_their_reason_when_asked_for(daemon: Any) -> None:
    def given(session: Session) -> None:
        clip(session, "kept")
        dropped = clip(session, "dropped")
        dropped.kept, dropped.reason, dropped.sentence = False, "too-short", "It lasts only 0.2 s."

    daemon.store.write_now(given)
    service = service_of(daemon)
    assert len(ask(service.Clips, pb.ClipsRequest(voice="anna")).clips) == 1
    both = ask(service.Clips, pb.ClipsRequest(voice="anna", dropped=True)).clips
    assert [(row.kept, row.reason, row.sentence) for row in both] == [
        (True, "", ""),
        (False, "too-short", "It lasts only 0.2 s."),
    ]


def test_a_person_corrects_a_text_or_takes_a_clip_out(daemon: Any) -> None:
    def given(session: Session) -> None:
        clips = [clip(session, f"c{n}", f"line {n}") for n in range(3)]
        dataset(session, 1, clips[:2], clips[2:])

    daemon.store.write_now(given)
    service = service_of(daemon)
    answer = ask(service.SetClip, pb.SetClipRequest(voice="anna", sha256=sha("c0"), text=" What was\nsaid. "))
    assert (answer.text, answer.text_source, answer.trust) == ("What was said.", "person", "person")
    answer = ask(service.SetClip, pb.SetClipRequest(voice="anna", sha256=sha("c1"), kept=False))
    assert (answer.kept, answer.sentence) == (False, "A person took it out.")
    assert daemon.inbox.voices == ["anna", "anna"], "a new dataset is due"
    made = daemon.store.write_now(datasets.build, "anna")
    assert (made.number, made.clips, made.new_clips, made.dropped) == (2, 1, 1, {"person": 1})
    answer = ask(service.SetClip, pb.SetClipRequest(voice="anna", sha256=sha("c1"), kept=True))
    assert answer.kept


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        (pb.SetClipRequest(voice="anna", sha256="x"), "changes nothing of the clip"),
        (pb.SetClipRequest(voice="anna", sha256="x", kept=True), "has no clip"),
        (pb.SetClipRequest(voice="anna", sha256="", kept=True), "has no clip"),
        (pb.SetClipRequest(voice="anna", sha256="x", text=" "), "cannot be empty"),
        (pb.SetClipRequest(voice="nobody", sha256="x", kept=True), "no voice"),
    ],
)
def test_setting_what_cannot_be_set_is_a_sentence(daemon: Any, request_: pb.SetClipRequest, word: str) -> None:
    with pytest.raises(Refused, match=word):
        ask(service_of(daemon).SetClip, request_)


@pytest.mark.parametrize("text", ["😀", "…", "Здравствуйте", "Hello <break/> there.", "_"])
def test_a_text_that_no_training_could_use_is_refused_and_the_clip_stays_as_it_was(daemon: Any, text: str) -> None:
    daemon.store.write_now(lambda session: clip(session, "c0", "said before").id)
    with pytest.raises(Refused, match=r"cannot|no word"):
        ask(service_of(daemon).SetClip, pb.SetClipRequest(voice="anna", sha256=sha("c0"), text=text))
    assert daemon.store.read_now(lambda session: datasets.clips(session, "anna", sha("c0"))[0].text) == "said before"
    assert not daemon.inbox.voices


def test_a_text_with_a_sign_among_its_words_is_taken(daemon: Any) -> None:
    daemon.store.write_now(lambda session: clip(session, "c0", "said before").id)
    answer = ask(service_of(daemon).SetClip, pb.SetClipRequest(voice="anna", sha256=sha("c0"), text="Good morning 😀"))
    assert answer.text == "Good morning 😀"


def test_what_was_measured_of_a_text_is_not_told_of_the_one_that_a_person_put_in_its_place(daemon: Any) -> None:
    quality = {"snr_db": 30.0, "cer": 0.78, "chars_per_second": 4.0}
    daemon.store.write_now(lambda session: setattr(clip(session, "c0", "wrong"), "quality", quality))
    service = service_of(daemon)
    answer = ask(service.SetClip, pb.SetClipRequest(voice="anna", sha256=sha("c0"), kept=True))
    assert dict(answer.quality) == quality, "its text is the one that was measured"
    answer = ask(service.SetClip, pb.SetClipRequest(voice="anna", sha256=sha("c0"), text="right"))
    assert dict(answer.quality) == {"snr_db": 30.0}
    (listed,) = ask(service.Clips, pb.ClipsRequest(voice="anna")).clips
    assert dict(listed.quality) == {"snr_db": 30.0}
    ask(service.SetClip, pb.SetClipRequest(voice="anna", sha256=sha("c0"), undo=pb.Clip()))
    (listed,) = ask(service.Clips, pb.ClipsRequest(voice="anna")).clips
    assert dict(listed.quality) == quality


def test_what_a_person_said_of_a_clip_stands_when_its_recording_is_cut_again(daemon: Any) -> None:
    from daemon.state import recordings
    from proto import worker_pb2 as wire

    def act(session: Session) -> Clip:
        row = clip(session, "c0", "wrong")
        datasets.set_clip(session, "anna", row.sha256, "right", None)
        again = wire.CutClip(start=row.start, end=row.end, sha256=row.sha256, text="wrong again", kept=True)
        recordings.store_cut(session, "anna", wire.RecordingCut(recording=sha("recording c0"), clips=[again]))
        return row

    assert daemon.store.write_now(act).text == "right"


def test_undoing_gives_back_the_text_the_reason_and_who_said_so(daemon: Any) -> None:
    def given(session: Session) -> None:
        row = clip(session, "c0", "as heard")
        row.text_source, row.trust = "whisper", "low"
        row.kept, row.reason, row.sentence = False, "too-short", "It lasts only 0.2 s."

    daemon.store.write_now(given)
    service = service_of(daemon)
    (before,) = ask(service.Clips, pb.ClipsRequest(voice="anna", dropped=True)).clips
    ask(service.SetClip, pb.SetClipRequest(voice="anna", sha256=before.sha256, text="corrected", kept=True))
    undone = ask(service.SetClip, pb.SetClipRequest(voice="anna", sha256=before.sha256, undo=before))
    assert undone == before
    assert daemon.inbox.voices == ["anna", "anna"], "a new dataset is due after both"
    with pytest.raises(Refused, match="undoes one at once"):
        ask(service.SetClip, pb.SetClipRequest(voice="anna", sha256=before.sha256, kept=True, undo=before))


def test_undoing_goes_back_step_by_step_or_to_what_the_clip_was(daemon: Any) -> None:
    daemon.store.write_now(lambda session: setattr(clip(session, "c0", "as heard"), "trust", "low"))
    service = service_of(daemon)
    (first,) = ask(service.Clips, pb.ClipsRequest(voice="anna")).clips
    change = pb.SetClipRequest(voice="anna", sha256=first.sha256)
    second = ask(service.SetClip, pb.SetClipRequest(voice="anna", sha256=first.sha256, text="corrected"))
    ask(service.SetClip, pb.SetClipRequest(voice="anna", sha256=first.sha256, kept=False))
    change.undo.SetInParent()
    assert ask(service.SetClip, change) == second, "an empty one takes back the last change"
    ask(service.SetClip, pb.SetClipRequest(voice="anna", sha256=first.sha256, kept=False))
    change.undo.CopyFrom(first)
    assert ask(service.SetClip, change) == first, "with the clip as it was, all since then"
    with pytest.raises(Refused, match="was not changed by a person from that"):
        ask(service.SetClip, change)


def test_nobody_can_say_that_somebody_else_said_it(daemon: Any) -> None:
    """What an undoing makes of a clip is what the daemon remembers, not what is sent."""
    daemon.store.write_now(lambda session: setattr(clip(session, "c0", "as heard"), "trust", "low"))
    service = service_of(daemon)
    (before,) = ask(service.Clips, pb.ClipsRequest(voice="anna")).clips
    made_up = pb.Clip(text="never heard", text_source="given", trust="given", kept=True)
    for changed in (False, True):
        if changed:
            before = ask(service.SetClip, pb.SetClipRequest(voice="anna", sha256=before.sha256, text="corrected"))
        with pytest.raises(Refused, match="was not changed by a person from that"):
            ask(service.SetClip, pb.SetClipRequest(voice="anna", sha256=before.sha256, undo=made_up))
        assert list(ask(service.Clips, pb.ClipsRequest(voice="anna")).clips) == [before]


def test_any_clip_can_be_heard_whether_kept_dropped_or_held_out(daemon: Any) -> None:
    sound = bytes(range(256)) * 2_000  # longer than a part

    def given(session: Session) -> None:
        dropped = clip(session, "dropped")
        dropped.kept = False
        clip(session, "gone")

    daemon.store.write_now(given)
    (daemon.home / "clips").mkdir(parents=True)
    (daemon.home / "clips" / "dropped.flac").write_bytes(sound)
    service = service_of(daemon)
    parts = ask(service.ClipFile, pb.ClipRequest(voice="anna", sha256=sha("dropped")))
    assert b"".join(part.data for part in parts) == sound
    assert (parts[0].name, parts[0].size, len(parts)) == ("dropped.flac", len(sound), 2)
    with pytest.raises(Refused, match=r"gone\.flac cannot be read: No such file"):
        ask(service.ClipFile, pb.ClipRequest(voice="anna", sha256=sha("gone")))
    with pytest.raises(Refused, match="has no clip"):
        ask(service.ClipFile, pb.ClipRequest(voice="anna", sha256=sha("unknown")))
