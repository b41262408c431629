"""A training that names no dataset waits for the one that holds the last corrections, and never for ever."""

from __future__ import annotations

from pathlib import Path

import lives
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import clip, sha

from daemon.database.models import Clip, EventRow, Job, Recording
from daemon.database.store import Store
from daemon.inbox.next_step import advance
from daemon.state import datasets, jobs, recordings
from daemon.state.status import Error
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration


@pytest.fixture
def anna(store: Store) -> Store:
    """Eleven clips, all of them in dataset 1."""

    def given(session: Session) -> None:
        for n in range(11):
            clip(session, f"c{n}")
        datasets.build(session, "anna")

    store.write_now(given)
    return store


def training(session: Session, number: int = 0) -> Job:
    return lives.submit(session, pb.JobSpec(train=pb.TrainSpec(voice="anna", dataset=number)))


def why(session: Session, job: Job) -> str:
    return lives.kind(session, "train").why_not(session, job)


def correct(session: Session, text: str = "what was really said") -> str:
    row = session.scalars(select(Clip).where(Clip.held_out.is_(False)).order_by(Clip.id)).first()
    assert row is not None
    datasets.set_clip(session, "anna", row.sha256, text, None)
    return text


def step(session: Session, *, forced: bool = False) -> Job | None:
    """What the inbox does once the voice is quiet."""
    return advance(session, lives.lifecycle(session), "anna", train=False, forced=forced)


def texts(session: Session, job: Job) -> set[str]:
    """What the training is given to learn."""
    jobs.start_attempt(session, job)
    return {ref.text for ref in lives.kind(session, "train").plan(session, job).train.clips}


def notices(session: Session) -> list[str]:
    told = [pb.Event.FromString(row.payload) for row in session.scalars(select(EventRow))]
    return [one.notice.sentence for one in told if one.WhichOneof("what") == "notice"]


def test_a_training_asked_for_right_after_a_correction_has_the_correction(anna: Store, tmp_path: Path) -> None:
    def act(session: Session) -> tuple[list[str], set[str]]:
        text = correct(session)
        job = training(session)
        whys = [why(session, job)]
        making = step(session)
        assert making is not None, (
            "the inbox makes the dataset, also after a restart in which nobody remembers the correction"
        )
        whys.append(why(session, job))
        jobs.start_attempt(session, making)
        whys.append(why(session, job))
        lives.succeed(session, making, "Cut.")
        whys.append(why(session, job))
        assert text in texts(session, job)
        return whys, set(notices(session))

    whys, told = anna.write_now(act)
    making = whys[1]
    assert whys[0] == "waits for dataset #2: clips were changed"
    assert making.startswith("waits for dataset #2: the newest clips")
    assert whys[2:] == [making, ""]
    assert not told


def test_a_training_waits_for_recordings_that_are_not_cut(anna: Store) -> None:
    def act(session: Session) -> str:
        job = training(session)
        assert not why(session, job)
        session.scalars(select(Recording)).first().cut = None  # type: ignore[union-attr]
        return why(session, job)

    assert anna.write_now(act) == "waits for dataset #2: recordings are not cut yet"


def test_a_training_waits_for_files_that_are_being_taken(anna: Store) -> None:
    def act(session: Session) -> list[str]:
        job = training(session)
        taking = lives.submit(session, pb.JobSpec(ingest=pb.IngestSpec(voice="anna", files=[b"a.wav"])))
        waits = why(session, job)
        taking.state, taking.paused_by_person = "paused", True
        return [waits, why(session, job)]

    waits, held = anna.write_now(act)
    assert waits.startswith("waits for ingest #")
    assert held == "", "what a person holds back holds up nobody"


def test_a_training_that_names_its_dataset_waits_for_none(anna: Store) -> None:
    def act(session: Session) -> str:
        correct(session)
        return why(session, training(session, 1))

    assert anna.write_now(act) == ""


def test_a_training_that_has_begun_does_not_wait(anna: Store) -> None:
    def act(session: Session) -> str:
        job = training(session)
        texts(session, job)
        correct(session)
        return why(session, job)

    assert anna.write_now(act) == ""


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_where_the_dataset_cannot_be_made_the_training_takes_what_there_is_and_says_so(anna: Store, end: str) -> None:
    def act(session: Session) -> tuple[str, list[str], int]:
        correct(session)
        job, making = training(session), step(session)
        assert making is not None
        if end == "failed":
            lives.fail(session, making, Error("engine", "It broke.", "", ""))
        else:
            lives.cancel(session, making)
        assert step(session) is None, "what failed is not tried in circles"
        waits = why(session, job)
        texts(session, job)
        return waits, notices(session), making.id

    waits, told, id = anna.write_now(act)
    assert waits == ""
    assert told == [
        f"anna is trained on dataset #1 without what was changed since: job #{id} could not make the next one."
    ]


def test_a_correction_after_a_failure_is_tried_anew(anna: Store) -> None:
    def act(session: Session) -> bool:
        correct(session)
        making = step(session)
        assert making is not None
        lives.fail(session, making, Error("engine", "It broke.", "", ""))
        correct(session, "another text")
        return step(session, forced=True) is not None

    assert anna.write_now(act)


@pytest.mark.parametrize("change", ["drop", "keep", "undo", "remove"])
def test_whatever_is_changed_is_waited_for_until_it_is_in_a_dataset(anna: Store, change: str) -> None:
    def act(session: Session) -> list[str]:
        first = session.scalars(select(Clip).where(Clip.held_out.is_(False)).order_by(Clip.id)).first()
        assert first is not None
        job = training(session)
        if change == "keep":
            dropped = clip(session, "dropped")
            dropped.kept = False
            datasets.set_clip(session, "anna", sha("dropped"), None, True)
        elif change == "remove":
            recordings.remove(session, "anna", session.get_one(Recording, first.recording).sha256)
        else:
            datasets.set_clip(session, "anna", first.sha256, None, False)
        before = why(session, job)
        if change == "undo":
            datasets.set_clip(session, "anna", first.sha256, None, True)
            return [before, why(session, job)]
        datasets.build(session, "anna")
        return [before, why(session, job)]

    assert anna.write_now(act) == ["waits for dataset #2: clips were changed", ""]
