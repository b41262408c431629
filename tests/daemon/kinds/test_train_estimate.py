"""What a training would take, from trainings that ended here: time, energy, money, and what comes before and after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lives
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from trainings import job, spec
from voice_rows import version

from daemon.database.energy_rows import Spent
from daemon.database.models import Evaluation, Job, Recording, Run, now
from daemon.database.store import Store
from daemon.kinds.train import past_runs
from daemon.kinds.train.foresight import Prior
from daemon.scheduling import remaining
from daemon.state import runs, spent, voices
from engines import registry
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration
WATTS = 200.0


@pytest.fixture(autouse=True)
def price(tmp_path: Path) -> None:
    (tmp_path / "myna.toml").write_text('[cost]\nper_hour = 3.6\nper_kwh = 0.5\ncurrency = "€"\n')


def took(session: Session, row: Job, seconds: float, joules: float | None = None) -> None:
    """It was at work so long, and took so much of a GPU."""
    held = seconds if joules is not None else 0.0
    spent.put(
        session,
        [
            Spent(
                job=row.id, attempt=1, month="2026-11", seconds=seconds, gpu_held=held, gpu_metered=held,
                gpu_joules=joules, gpu_error=0.0, integrated=False, cpu_metered=0.0, cpu_joules=None, rest_watts=0.0,
                per_hour=3.6, per_kwh=0.5, currency="€",
            )
        ],
    )  # fmt: skip


def trained(
    session: Session, seconds: float, around: float, gpu: str = "", node: str = "", data: int = 2, **settings: Any
) -> None:
    """A training of 100 steps from the base."""
    row = job(session, spec())
    row.gpu = pb.GpuUse(uuid=gpu, node=node).SerializeToString() if gpu or node else None
    run = Run(
        voice="anna", engine="glow", job=row.id, dataset=data, settings={"patience": 0, **settings},
        step=100, steps=100, result={"seconds": seconds},
    )  # fmt: skip
    session.add(run)
    took(session, row, seconds + around, (seconds + around) * WATTS)


def estimate(session: Session, **options: Any) -> pb.EstimateResponse:
    asked = spec(options=pb.TrainOptions(steps=200, patience=0, **options)).train
    return lives.lifecycle(session).kinds.train.estimate(session, asked)


def test_time_energy_and_money_are_foreseen_from_three_runs(anna: Store) -> None:
    def fill(session: Session) -> None:
        for seconds in (50.0, 50.0, 52.0):
            trained(session, seconds, 30.0)

    anna.write_now(fill)
    told = anna.read_now(estimate)
    assert told.runs == 3
    assert told.seconds == pytest.approx(200 * 0.5 + 30)
    training = told.training
    assert training.seconds.low < told.seconds < training.seconds.high < told.seconds * 1.1
    assert training.joules.likely == pytest.approx(told.seconds * WATTS)
    assert list(training.unmetered) == [pb.UNMETERED_CPU]
    hours, kwh = told.seconds / 3_600, told.seconds * WATTS / 3.6e6
    assert training.money.likely == pytest.approx(hours * 3.6 + kwh * 0.5)
    assert training.currency == "€"
    assert told.sentences[1].startswith("Learned from 3 runs here")


def test_a_batch_of_few_clips_is_no_longer_than_they_are(anna: Store) -> None:
    anna.write_now(lambda session: trained(session, 80.0, 0.0, data=1))
    assert anna.read_now(estimate).seconds == pytest.approx(200 * 0.8 * 10 / 8), "ten clips, eight then"
    anna.write_now(_promoted)
    told = anna.read_now(lambda session: estimate(session, engine={"parent_share": "0"}))
    assert told.sentences[0].startswith("Train anna from anna@1 on dataset #2: 10 clips (2 new)")
    assert told.seconds == pytest.approx(200 * 0.8 * 4 / 8), "two new ones, and two of the old an epoch"


def _promoted(session: Session) -> None:
    version(session, 1)
    voices.promote(session, "anna", 1, voices.BY_SCORE)


def test_where_it_may_stop_early_it_is_said_how_far_others_went_and_what_it_takes_at_most(anna: Store) -> None:
    anna.write_now(lambda session: trained(session, 50.0, 30.0))
    assert "early" not in " ".join(anna.read_now(estimate).sentences)

    def patient(session: Session) -> pb.EstimateResponse:
        asked = spec(options=pb.TrainOptions(steps=200, patience=8)).train
        return lives.lifecycle(session).kinds.train.estimate(session, asked)

    never = "It may stop early, and none like it was seen to: to its last step it takes at most 3 min."
    assert anna.read_now(patient).sentences[2] == never

    def stopped(session: Session, steps: int) -> None:
        trained(session, 50.0, 30.0, patience=8)
        newest = session.scalars(select(Run).order_by(Run.id.desc())).first()
        assert newest is not None
        newest.step, newest.steps = steps, 100

    anna.write_now(lambda session: stopped(session, 40))
    anna.write_now(lambda session: stopped(session, 70))
    told = anna.read_now(patient)
    assert told.sentences[2].startswith(
        "It may stop early: those before did 40% to 70% of their steps; to its last step"
    )
    assert told.training.seconds.high > told.training.seconds.likely


def test_how_long_its_job_was_at_work_before_its_first_step_is_kept_and_learned_from(anna: Store) -> None:
    def fill(session: Session) -> None:
        for _ in range(3):
            trained(session, 50.0, 30.0)
        for run in session.scalars(select(Run)):
            runs.begins(session, run.id, 12.0)
            runs.begins(session, run.id, 99.0)  # another attempt, after a crash
        runs.begins(session, 9_999, 1.0)

    anna.write_now(fill)
    past = anna.read_now(lambda session: past_runs.like(session, registry.ENGINES["glow"], {}))
    assert [run.before for run in past.runs] == [12.0] * 3
    assert anna.read_now(estimate).seconds == pytest.approx(200 * 0.5 + 30), "it is a part of what is around the loop"


def test_where_nothing_was_timed_it_is_a_guess_without_energy(anna: Store) -> None:
    told = anna.read_now(estimate)
    assert told.runs == 0
    assert not told.training.HasField("joules")
    assert told.training.seconds.high / told.training.seconds.likely == 3
    assert told.training.money.likely == pytest.approx(told.seconds / 3_600 * 3.6), "an hour has its price"
    assert not told.HasField("scoring")
    assert not told.HasField("cutting")


def test_runs_of_another_kind_or_on_another_card_are_left_out(anna: Store) -> None:
    def fill(session: Session) -> None:
        trained(session, 500.0, 0.0, gpu="GPU-old")
        trained(session, 10.0, 0.0, gpu="GPU-new", micro_batch=2)
        for _ in range(3):
            trained(session, 50.0, 0.0, gpu="GPU-new")

    anna.write_now(fill)
    assert anna.read_now(estimate).seconds == pytest.approx(100.0)
    other = anna.read_now(lambda session: past_runs.like(session, registry.ENGINES["glow"], {"precision": "bf16"}))
    assert len(other.runs) == 1, "the newest of another kind, trusted little"


def test_runs_on_another_machine_are_no_runs_of_this_ones_cpu(anna: Store) -> None:
    def fill(session: Session) -> None:
        for _ in range(3):
            trained(session, 500.0, 0.0)
        for _ in range(3):
            trained(session, 50.0, 0.0, node="box2")

    anna.write_now(fill)
    told = anna.read_now(estimate)
    assert told.runs == 3, "those of where the newest was"
    assert told.seconds == pytest.approx(100.0)


def test_a_run_whose_settings_its_engine_takes_no_more_keeps_nobody_from_an_estimate(anna: Store) -> None:
    def fill(session: Session) -> None:
        for _ in range(3):
            trained(session, 50.0, 0.0)
        trained(session, 500.0, 0.0, gone_meanwhile=1)

    anna.write_now(fill)
    assert anna.read_now(estimate).runs == 3


def test_a_limit_of_time_holds(anna: Store) -> None:
    anna.write_now(lambda session: trained(session, 50.0, 30.0))

    def limited(session: Session) -> pb.EstimateResponse:
        options = pb.TrainOptions(steps=2_000, patience=0, engine={"max_seconds": "60"})
        return lives.lifecycle(session).kinds.train.estimate(session, spec(options=options).train)

    assert anna.read_now(limited).seconds == pytest.approx(60 + 30)


def test_scoring_after_it_and_cutting_before_it_are_told(anna: Store) -> None:
    def fill(session: Session) -> None:
        version(session, 1)
        scoring = job(session, spec())
        scored: dict[str, Any] = {"metrics": {}, "against_metrics": {}, "recording_metrics": {}, "report": {}}
        session.add(
            Evaluation(
                voice="anna", version=1, against=0, job=scoring.id, better=False, verdict="", time=now(), **scored
            )
        )
        took(session, scoring, 90.0)
        cutting = job(session, spec())
        cutting.kind, cutting.state, cutting.started = "dataset", "succeeded", now()
        for number in range(3):
            session.add(recording(f"cut {number}", cut=True))
        session.flush()
        cutting.ended = now()
        took(session, cutting, 15.0)
        session.add(recording("new", cut=False))

    anna.write_now(fill)
    told = anna.read_now(estimate)
    assert told.scoring.seconds.likely == pytest.approx(90.0), "one line is held out, as then"
    assert told.cutting.seconds.likely == pytest.approx(5.0), "a third of the sound"
    assert told.cutting.seconds.high > 5.0


def recording(name: str, *, cut: bool) -> Recording:
    return Recording(
        voice="anna", sha256=name, name=f"{name}.wav", path=name, size=1, seconds=100.0, sample_rate=16_000,
        channels=1, codec="pcm", text=None, added=now(), cut=now() if cut else None,
    )  # fmt: skip


def test_a_training_at_work_is_told_what_is_left_by_its_own_steps_and_those_before(anna: Store) -> None:
    def fill(session: Session) -> int:
        for _ in range(3):
            trained(session, 50.0, 30.0)
        run = Run(voice="anna", engine="glow", job=0, dataset=2, settings={"patience": 0}, steps=100, step=0, result={})
        session.add(run)
        session.flush()
        return run.id

    run = anna.write_now(fill)
    course = remaining.Course()
    assert course.left is None
    course.prior = anna.read_now(remaining.prior, run)
    assert course.prior.pace == pytest.approx(0.5)
    assert course.prior.after_step(100) == pytest.approx(30.0)
    assert course.before is None
    course.look(5.0, 0, 0)
    for step in range(1, 41):
        course.look(1.0, step, 100)
    left = course.left
    assert course.before == 6.0
    assert left is not None
    assert left == pytest.approx(60 * 1.0 + 2 * 30 - 6), "twice as slow as others were: the machine is busier"
    for step in range(41, 5_001):
        course.look(0.01, step, 10_000)
    assert len(course._ticks) <= remaining.KEPT
    assert anna.read_now(remaining.prior, 9_999) == Prior()
