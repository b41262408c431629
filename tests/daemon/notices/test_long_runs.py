"""A disk that fills, a training that takes long: told once, over restarts."""

from __future__ import annotations

from pathlib import Path

import lives
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import clip, dataset

from daemon.database.models import EventRow, PointRow, Run, SeriesRow, now
from daemon.database.notice_rows import ExpectedRun
from daemon.database.store import Store
from daemon.kinds.registry import Kinds
from daemon.kinds.train.foresight import Prior
from daemon.kinds.train.server import Train
from daemon.notices import long_runs, watching
from daemon.notices.long_runs import Cause
from daemon.settings import Settings
from daemon.state import jobs, occasions
from daemon.state.status import Outcome
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration
FLOOR = 1_000_000_000


def told(store: Store) -> list[pb.Occasion]:
    def read(session: Session) -> list[pb.Occasion]:
        rows = session.scalars(select(EventRow).order_by(EventRow.cursor))
        events = [pb.Event.FromString(row.payload) for row in rows]
        return [event.occasion for event in events if event.HasField("occasion")]

    return store.read_now(read)


def warned(store: Store) -> list[pb.Notice]:
    """What whoever looks is told."""
    events = store.read_now(lambda session: session.scalars(select(EventRow).order_by(EventRow.cursor)).all())
    return [event.notice for row in events if (event := pb.Event.FromString(row.payload)).HasField("notice")]


def test_a_full_disk_is_told_once_until_there_is_room_again(store: Store) -> None:
    def free(amount: float) -> int:
        store.write_now(watching.look_at_disk, int(amount * FLOOR), FLOOR)
        return len(told(store))

    assert [free(share) for share in (2, 1.0, 0.9, 0.5, 1.05, 0.9, 1.1, 0.9)] == [0, 0, 1, 1, 1, 1, 1, 2]
    assert (told(store)[0].free, told(store)[0].floor) == (900_000_000, FLOOR)
    assert told(store)[0].kind == pb.OCCASION_DISK


@pytest.fixture
def train(store: Store, tmp_path: Path) -> Train:
    def act(session: Session) -> None:
        clips = [clip(session, f"c{number}", seconds=10.0) for number in range(8)]
        dataset(session, 1, clips[1:], clips[:1])

    store.write_now(act)
    return Kinds(tmp_path, Settings()).train


def timed(session: Session) -> None:
    """A training of 10 s a step was timed here."""
    session.add(
        Run(
            voice="anna",
            engine="glow",
            job=0,
            dataset=1,
            settings={},
            step=100,
            result={"seconds": 1000.0},
            started=now(),
        )
    )


def begun(session: Session, steps: int) -> int:
    spec = pb.JobSpec(train=pb.TrainSpec(voice="anna", options=pb.TrainOptions(steps=steps)))
    job = lives.submit(session, spec)
    session.flush()
    jobs.start_attempt(session, job)
    return job.id


def look(store: Store, train: Train, seconds: float = 0.0) -> None:
    store.write_now(watching.look_at_trainings, train, seconds)


def test_a_training_that_works_half_as_long_again_is_told_once(store: Store, train: Train) -> None:
    store.write_now(timed)
    job = store.write_now(begun, 200)
    look(store, train)
    assert store.read_now(lambda session: session.get_one(ExpectedRun, job).seconds) == 2_000
    for _ in range(30):
        look(store, train, 100)
    assert told(store) == []
    look(store, train, 1)
    look(store, train, 1_000)
    (one,) = told(store)
    assert (one.kind, one.job, one.voice) == (pb.OCCASION_LONG_RUN, job, "anna")
    assert (one.seconds, one.expected_seconds) == (3_001, 2_000)
    (notice,) = warned(store)
    title = "train anna from the base on dataset #1"
    begin = f"Job {job} ({title}) has worked for 50 min, and 33 min were expected before it began."
    assert notice.sentence == f"{begin} {one.why}"
    assert notice.level_value == pb.LEVEL_WARNING


@pytest.mark.parametrize(
    ("worked", "step", "planned", "prior", "cause"),
    [
        (3_000, 0, 200, Prior(pace=10.0), Cause.BEFORE),
        (3_000, 200, 200, Prior(pace=10.0), Cause.AFTER),
        (3_000, 100, 200, Prior(pace=10.0, before=100.0), Cause.SLOW),
        (1_600, 150, 200, Prior(pace=10.0, before=100.0, share=0.5), Cause.NO_EARLY_STOP),
        (1_600, 150, 200, Prior(pace=10.0, before=100.0), Cause.UNKNOWN),
        (1_600, 150, 200, Prior(), Cause.UNKNOWN),
        (1_600, 150, 0, Prior(pace=10.0, before=100.0, share=0.5), Cause.UNKNOWN),
    ],
)
def test_the_likely_cause_follows_from_how_far_it_has_come(
    worked: float, step: int, planned: int, prior: Prior, cause: Cause
) -> None:
    why = long_runs.of(worked, step, planned, prior)
    assert why.cause is cause
    assert bool(why.words) is (cause is not Cause.UNKNOWN)
    if cause is Cause.SLOW:
        assert why.words.startswith("It is at step 100 of 200, and its steps take 2.9 times as long")


def test_steps_that_take_longer_than_those_before_are_named(store: Store, train: Train) -> None:
    def at_step(session: Session) -> None:
        run = Run(voice="anna", engine="glow", job=job, dataset=1, settings={}, steps=200, started=now())
        session.add(run)
        session.flush()
        row = SeriesRow(run=run.id, name="loss")
        session.add(row)
        session.flush()
        session.add_all(PointRow(series=row.id, step=step, value=1.0) for step in (1, 100))

    store.write_now(timed)
    job = store.write_now(begun, 200)
    look(store, train)
    store.write_now(at_step)
    look(store, train, 3_001)
    (one,) = told(store)
    assert one.why.startswith("It is at step 100 of 200, and its steps take 3.0 times as long as those")


def test_time_in_which_it_waits_does_not_count_and_what_ended_is_forgotten(store: Store, train: Train) -> None:
    store.write_now(timed)
    job = store.write_now(begun, 200)
    look(store, train)
    store.write_now(lambda session: jobs.preempt(session, jobs.get(session, job), "somebody speaks"))
    look(store, train, 100_000)
    assert told(store) == []
    store.write_now(lambda session: jobs.unpreempt(session, jobs.get(session, job)))
    look(store, train, 10)
    assert store.read_now(lambda session: session.get_one(ExpectedRun, job).worked) == 10
    store.write_now(lambda session: jobs.end_attempt(session, jobs.get(session, job), Outcome.FAILED))
    store.write_now(lambda session: lives.fail(session, jobs.get(session, job), lives.Error("engine", "No.", "", "")))
    look(store, train)
    assert not store.read_now(watching.trains_or_has)


def test_short_trainings_and_those_nobody_could_time_are_never_long(store: Store, train: Train) -> None:
    job = store.write_now(begun, 200)
    look(store, train)
    look(store, train, 100_000)  # nothing was timed here: what is expected would be a guess
    assert store.read_now(lambda session: session.get(ExpectedRun, job)) is None
    store.write_now(lambda session: lives.fail(session, jobs.get(session, job), lives.Error("engine", "No.", "", "")))
    store.write_now(timed)
    store.write_now(begun, 2)
    look(store, train)
    look(store, train, watching.SHORT)
    assert [one.kind for one in told(store)] == [pb.OCCASION_FAILED]
    look(store, train, 1)
    assert [one.kind for one in told(store)] == [pb.OCCASION_FAILED, pb.OCCASION_LONG_RUN]


def test_a_budget_is_told_by_whoever_meters_it(store: Store) -> None:
    def spend(session: Session, share: float) -> None:
        if occasions.once(session, f"budget anna 2026-11 {share:.0%}"):
            spent, of = pb.Money(amount=20 * share, currency="€"), pb.Money(amount=20, currency="€")
            occasions.budget(session, "anna", share, spent, of, "2026-11", stops=share >= 1)

    for share in (0.8, 0.8, 1.0, 1.0):
        store.write_now(spend, share)
    assert [(one.kind, one.share, one.stops) for one in told(store)] == [
        (pb.OCCASION_BUDGET, 0.8, False),
        (pb.OCCASION_BUDGET, 1.0, True),
    ]
