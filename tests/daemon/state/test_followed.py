"""A speaker whom the recogniser mostly does not understand is not trusted where it thinks it did."""

from __future__ import annotations

from pathlib import Path

import lives
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import sha

from daemon.database.models import Clip, EventRow, Recording
from daemon.database.store import Store
from daemon.inbox.next_step import advance
from daemon.state import datasets, followed, recordings
from engines.judging.reasons import REASONS
from engines.recognisers import NEEDED
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration


def heard(
    session: Session,
    name: str,
    understood: list[float],
    lost: list[float],
    *,
    by: str = "pocketsphinx",
    given: str = "",
) -> Recording:
    """A recording, cut: seconds of the clips that were understood and of those that were not."""
    taken = wire.RecordingTaken(file=name.encode(), name=name, sha256=sha(name), path=name, seconds=600.0, codec="flac")
    if given:
        taken.text, taken.has_text = given, True
    row = recordings.take(session, "anna", taken)
    session.flush()
    clips, at = [], 0.0
    for n, (seconds, kept) in enumerate([*((one, True) for one in understood), *((one, False) for one in lost)]):
        clips.append(
            wire.CutClip(
                start=at, end=at + seconds, kept=kept, text="as it was heard" if kept else "",
                text_source=by if kept else "", trust="low" if kept else "", reason="" if kept else "not-understood",
                sha256=sha(f"{name} {n}"), path=f"{name}-{n}",
            )
        )  # fmt: skip
        at += seconds
    recordings.store_cut(session, "anna", wire.RecordingCut(recording=row.sha256, clips=clips))
    session.flush()
    return row


def kept(session: Session, name: str = "") -> int:
    query = select(Clip).join(Recording, Recording.id == Clip.recording).where(Clip.kept)
    return len(list(session.scalars(query.where(Recording.name == name) if name else query)))


def reasons(session: Session) -> set[str]:
    return set(session.scalars(select(Clip.reason).where(Clip.kept.is_(False))))


def notices(session: Session) -> list[pb.Notice]:
    told = [pb.Event.FromString(row.payload) for row in session.scalars(select(EventRow))]
    return [one.notice for one in told if one.WhichOneof("what") == "notice"]


def test_the_other_half_of_a_recording_that_is_not_understood_is_dropped_and_a_person_is_told(store: Store) -> None:
    def act(session: Session) -> tuple[int, set[str], list[pb.Notice], bool]:
        heard(session, "long.wav", [4.0] * 23, [4.0] * 30)
        made = datasets.build(session, "anna")
        return kept(session), reasons(session), notices(session), made is None

    count, why, told, nothing = store.write_now(act)
    assert (count, why, nothing) == (0, {"not-understood", "not-followed"}, True)
    assert why <= REASONS.keys()
    (notice,) = told
    assert notice.sentence.startswith("The recogniser does not follow the speaker of long.wav (anna): 23 clips")
    assert "`myna engines fetch whisper-large-v3`" in notice.hint
    assert "myna clips anna --dropped" in notice.hint


@pytest.mark.parametrize(
    ("understood", "lost", "left"),
    [
        ([4.0] * 6, [4.0] * 5, 6),
        ([4.0] * 5, [4.0] * 5, 0),
        ([2.0] * 8, [9.0] * 3, 0),
        ([9.0] * 3, [1.0] * 4, 0),
        ([4.0], [], 1),
    ],
    ids=["less than half", "half of the clips", "most of the seconds", "most of the clips", "one clip"],
)
def test_half_of_the_clips_or_of_the_seconds_is_the_limit(
    store: Store, understood: list[float], lost: list[float], left: int
) -> None:
    def act(session: Session) -> int:
        heard(session, "a.wav", understood, lost)
        datasets.build(session, "anna")
        return kept(session)

    assert store.write_now(act) == left


def test_a_recording_that_is_followed_stays_beside_one_that_is_not(store: Store) -> None:
    def act(session: Session) -> tuple[int, int]:
        heard(session, "good.wav", [4.0] * 20, [4.0])
        heard(session, "bad.wav", [4.0] * 2, [4.0] * 8)
        datasets.build(session, "anna")
        return kept(session, "good.wav"), kept(session, "bad.wav")

    assert store.write_now(act) == (20, 0)


def test_a_voice_of_many_short_recordings_is_judged_as_a_whole(store: Store) -> None:
    def act(session: Session) -> int:
        for n in range(8):
            heard(session, f"{n}.wav", [4.0] if n % 2 else [], [] if n % 2 else [4.0])
        datasets.build(session, "anna")
        return kept(session)

    assert store.write_now(act) == 0


def test_clips_with_a_given_text_and_those_that_a_person_kept_stay(store: Store) -> None:
    def act(session: Session) -> tuple[int, int]:
        heard(session, "read.wav", [4.0] * 2, [4.0] * 8, by="given", given="what was read")
        heard(session, "long.wav", [4.0] * 3, [4.0] * 9)
        datasets.build(session, "anna")
        datasets.set_clip(session, "anna", sha("long.wav 0"), None, True)
        datasets.build(session, "anna")
        return kept(session, "read.wav"), kept(session, "long.wav")

    assert store.write_now(act) == (2, 1)


def test_a_clip_that_a_person_writes_the_text_of_is_kept(store: Store) -> None:
    def act(session: Session) -> int:
        heard(session, "long.wav", [4.0] * 3, [4.0] * 9)
        datasets.build(session, "anna")
        datasets.set_clip(session, "anna", sha("long.wav 0"), "what was said", None)
        datasets.build(session, "anna")
        return kept(session)

    assert store.write_now(act) == 1


def test_clips_that_a_person_accepts_as_they_are_count_as_before(store: Store) -> None:
    def act(session: Session) -> tuple[bool, bool]:
        heard(session, "long.wav", [4.0] * 6, [4.0] * 5)
        datasets.build(session, "anna")
        for n in range(4):
            datasets.set_clip(session, "anna", sha(f"long.wav {n}"), None, None)
        still = datasets.build(session, "anna") is None
        heard(session, "worse.wav", [], [4.0] * 5)
        datasets.build(session, "anna")
        return still, kept(session) == 4

    assert store.write_now(act) == (True, True), "and those stay, where the others are dropped"


def test_a_text_that_comes_has_the_recording_cut_and_the_rest_of_the_voice_judged_anew(store: Store) -> None:
    def act(session: Session) -> list[int]:
        bad = heard(session, "bad.wav", [4.0] * 2, [4.0] * 30)
        heard(session, "good.wav", [4.0] * 6, [4.0])
        datasets.build(session, "anna")
        found = [kept(session)]
        assert recordings.set_text(bad, "all that was said", "bad.txt")
        assert bad.cut is None
        datasets.build(session, "anna")
        return [*found, kept(session, "good.wav")]

    assert store.write_now(act) == [0, 6]


def test_weights_of_whisper_have_it_cut_anew_and_only_once(store: Store, tmp_path: Path) -> None:
    def step(session: Session) -> bool:
        return advance(session, lives.lifecycle(session), "anna", train=False) is not None

    def act(session: Session) -> list[bool]:
        row = heard(session, "long.wav", [4.0] * 3, [4.0] * 9)
        datasets.build(session, "anna")
        found = [step(session)]
        model = tmp_path / "weights" / "whisper"
        model.mkdir(parents=True)
        found.append(step(session))  # a folder is no model yet
        for name in NEEDED:
            (model / name).touch()
        making = advance(session, lives.lifecycle(session), "anna", train=False)
        found += [making is not None, row.cut is None]
        assert making is not None
        heard(session, "long.wav", [4.0] * 3, [4.0] * 9, by="whisper")
        lives.succeed(session, making, "Cut.")
        return [*found, step(session)]

    assert store.write_now(act) == [False, False, True, True, False]
    assert store.read_now(kept) == 0
    assert followed.NOT_FOLLOWED in REASONS
