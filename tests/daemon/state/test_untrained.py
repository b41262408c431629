"""How much of a voice's audio no training has seen."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session
from voice_rows import clip, dataset, version

from daemon.database.models import Clip, Job, Run, now
from daemon.database.store import Store
from daemon.state import untrained, voices, what_next
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration


def training(session: Session, state: str, *, run_on: int = 0, names: int = 0) -> Job:
    """A train job in a state; with a run on dataset `run_on`, if it has begun; `names`: the dataset it was asked
    for."""
    spec = pb.JobSpec(train=pb.TrainSpec(voice="anna", dataset=names))
    job = Job(
        kind="train", voice="anna", title="train anna", spec=spec.SerializeToString(), gpu_lane=True, priority=100,
        place=1.0, state=state, submitted=now(), queued_since=now(),
    )  # fmt: skip
    session.add(job)
    session.flush()
    if run_on:
        run = Run(voice="anna", engine="glow", job=job.id, dataset=run_on, to_version=1, settings={}, result={})
        session.add(run)
        session.flush()
        job.run = run.id
    return job


def clips(session: Session, count: int, prefix: str = "c") -> list[Clip]:
    return [clip(session, f"{prefix}{n}") for n in range(count)]


@pytest.mark.parametrize("state", ["running", "paused", "queued"])
def test_what_a_training_that_started_by_itself_is_at_is_not_new(store: Store, state: str) -> None:
    def act(session: Session) -> float:
        first = clips(session, 10)
        dataset(session, 1, first, [])
        training(session, state, run_on=1)
        dataset(session, 2, [*first, clip(session, "late")], [])
        return untrained.seconds(session, "anna")

    assert store.write_now(act) == 4.0


def test_a_training_that_waits_for_its_turn_takes_the_newest_dataset(store: Store) -> None:
    def act(session: Session) -> list[float]:
        dataset(session, 1, clips(session, 10), [])
        job = training(session, "queued")
        by_itself = untrained.seconds(session, "anna")
        job.spec = pb.JobSpec(train=pb.TrainSpec(voice="anna", dataset=1)).SerializeToString()
        dataset(session, 2, clips(session, 2, "later"), [])
        return [by_itself, untrained.seconds(session, "anna")]

    assert store.write_now(act) == [0.0, 8.0]


def test_a_training_that_failed_has_trained_nothing(store: Store) -> None:
    def act(session: Session) -> float:
        dataset(session, 1, clips(session, 10), [])
        training(session, "failed", run_on=1)
        return untrained.seconds(session, "anna")

    assert store.write_now(act) == 40.0


def test_a_training_that_ended_well_has_seen_its_dataset_whether_a_version_came_of_it_or_not(store: Store) -> None:
    def act(session: Session) -> float:
        dataset(session, 1, clips(session, 10), [])
        training(session, "succeeded", run_on=1)
        return untrained.seconds(session, "anna")

    assert store.write_now(act) == 0.0


def test_a_clip_that_was_corrected_twice_is_new_once(store: Store) -> None:
    def act(session: Session) -> list[float]:
        rows = clips(session, 10)
        dataset(session, 1, rows, [])
        version(session, 1, data=1)
        for number, text in ((2, "nearly right"), (3, "right")):
            rows[0].text = text
            datasets_row = dataset(session, number, rows, [], new=4.0)
            assert datasets_row.new_seconds == 4.0
        twice = untrained.seconds(session, "anna")
        rows[0].text = "a line"
        dataset(session, 4, rows, [], new=4.0)
        return [twice, untrained.seconds(session, "anna")]

    assert store.write_now(act) == [4.0, 0.0], "and its old text again is nothing new"


def test_what_is_said_of_a_voice_counts_in_the_same_way(store: Store) -> None:
    def act(session: Session) -> str:
        rows = clips(session, 10)
        dataset(session, 1, rows, [])
        version(session, 1, data=1)
        for number, text in ((2, "nearly right"), (3, "right")):
            rows[0].text = text
            newest = dataset(session, number, rows, [], new=4.0)
        return what_next.sentence(session, voices.get(session, "anna"), newest)

    assert store.write_now(act) == "needs 26 s of new audio until the next training"


def test_what_is_held_out_is_not_audio_to_train_on(store: Store) -> None:
    def act(session: Session) -> float:
        dataset(session, 1, clips(session, 2), [clip(session, "held", held_out=True)])
        return untrained.seconds(session, "anna")

    assert store.write_now(act) == 8.0
