"""What becomes of a training that has ended: a candidate, a scoring, or nothing."""

from __future__ import annotations

import json
from pathlib import Path

import lives
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from trainings import job, spec
from voice_rows import clip, dataset, folder, version

from daemon.database.experiment_rows import Experiment, Trial
from daemon.database.models import Job, Run, Version, now
from daemon.database.store import Store
from daemon.home import same_weights, sums
from daemon.state import events, jobs, runs, untrained, voices
from daemon.state.values import VersionState
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration


def result(version_dir: Path) -> wire.Report:
    own = {"vocoder": True, "bands": False}
    details = json.dumps({"settings": {"steps": 150}, "ended": "It is done.", "sound": own})
    trained = wire.TrainResult(
        version_dir=str(version_dir), kind="full", steps=150, best_step=100, best_loss=1.5, seconds=30.0, size=7
    )
    trained.result_json = details
    trained.held_out["loss"] = 1.5
    return wire.Report(trained=trained)


def test_a_trained_version_becomes_a_candidate_once_however_often_it_is_reported(anna: Store, tmp_path: Path) -> None:
    def act(session: Session) -> None:
        row = job(session, spec())
        told = lives.kind(session, "train").plan(session, row).train
        made = folder(tmp_path, Version(path=f"voices/anna/{told.version}"))
        for _ in range(2):
            lives.kind(session, "train").commit(session, row, result(made))

    anna.write_now(act)
    rows = anna.read_now(lambda session: list(session.scalars(select(Version))))
    assert [(row.number, row.state, row.size, row.parent, row.dataset) for row in rows] == [(1, "candidate", 7, 0, 2)]
    run = anna.read_now(lambda session: session.scalars(select(Run)).one())
    assert run.ended is not None
    assert (run.best_step, run.best_loss, run.steps) == (100, 1.5, 150)
    assert voices.version_message(rows[0]).sound == pb.OwnSound(vocoder=True)


def test_a_failed_training_ends_its_run(anna: Store, tmp_path: Path) -> None:
    def act(session: Session) -> None:
        row = job(session, spec())
        lives.kind(session, "train").plan(session, row)
        lives.kind(session, "train").ended_badly(session, row)

    anna.write_now(act)
    assert anna.read_now(lambda session: session.scalars(select(Run)).one()).ended is not None


def test_a_finished_training_is_scored_against_what_speaks_now(anna: Store, tmp_path: Path) -> None:
    def act(session: Session) -> pb.JobSpec:
        row = job(session, spec())
        told = lives.kind(session, "train").plan(session, row).train
        lives.kind(session, "train").commit(
            session, row, result(folder(tmp_path, Version(path=f"voices/anna/{told.version}")))
        )
        lives.succeed(session, row, "Trained.")
        scoring = session.scalars(select(Job).where(Job.kind == "evaluate")).one()
        assert scoring.parent_job == row.id
        return pb.JobSpec.FromString(scoring.spec)

    asked = anna.write_now(act).evaluate
    assert (asked.version, asked.against, asked.promote_if_better) == (1, 0, True)


def test_a_version_that_cannot_be_scored_says_so_and_stays(store: Store, tmp_path: Path) -> None:
    def act(session: Session) -> str:
        dataset(session, 1, [clip(session, f"c{i}") for i in range(8)], [])
        row = job(session, spec())
        told = lives.kind(session, "train").plan(session, row).train
        lives.kind(session, "train").commit(
            session, row, result(folder(tmp_path, Version(path=f"voices/anna/{told.version}")))
        )
        lives.succeed(session, row, "Trained.")
        return voices.version(session, "anna", 1).verdict

    assert "no held-out clips" in store.write_now(act)


@pytest.mark.parametrize("outcome", [pb.NOTHING_GAINED, pb.NOTHING_NEW, pb.SAME_WEIGHTS])
def test_a_training_without_a_version_leaves_no_row_and_nothing_to_score(
    anna: Store, outcome: pb.RunOutcome.ValueType
) -> None:
    def act(session: Session) -> tuple[pb.Run, int, list[str], float]:
        row = lives.submit(session, spec())
        jobs.start_attempt(session, row)
        kind = lives.kind(session, "train")
        kind.plan(session, row)
        trained = wire.TrainResult(
            steps=12, best_step=0, best_loss=0.5, held_out={"loss": 0.5}, outcome=outcome, result_json="{}"
        )
        for _ in range(2):  # the same report can come again
            kind.commit(session, row, wire.Report(trained=trained))
        lives.succeed(session, row, "No version was made.")
        kinds = list(session.scalars(select(Job.kind)))
        run = runs.message(session, session.get_one(Run, row.run))
        return run, len(list(session.scalars(select(Version)))), kinds, untrained.seconds(session, "anna")

    run, versions, kinds, new = anna.write_now(act)
    assert (run.outcome, run.to_version, run.step, run.HasField("ended")) == (outcome, 0, 12, True)
    assert (versions, kinds) == (0, ["train"])
    assert new == 0, "the same clips do not start another one by themselves"


@pytest.mark.parametrize(
    ("losses", "shape", "told"),
    [
        ([2.0, 1.4, 1.2, 1.0, 1.1, 1.2, 1.3, 1.4], pb.COURSE_OVERTRAINED, "learned its clips by heart"),
        ([2.0, 1.8, 1.6, 1.4, 1.2, 1.0, 0.8, 0.6], pb.COURSE_FALLING, "still falling at the end"),
        ([2.0, 1.9, 1.8], pb.COURSE_TOO_SHORT, ""),
    ],
)
def test_what_held_out_loss_did_is_kept_and_told_once(
    anna: Store, tmp_path: Path, losses: list[float], shape: int, told: str
) -> None:
    def act(session: Session) -> tuple[pb.Run, list[pb.Event]]:
        row = job(session, spec())
        plan = lives.kind(session, "train").plan(session, row).train
        steps = [10 * index for index in range(len(losses))]
        held_out = pb.Series(name="held_out/loss", steps=steps, values=losses)
        training = pb.Series(name="train/loss", steps=steps[1:], values=[2.0 - step / 100 for step in steps[1:]])
        runs.add_points(session, plan.run, [held_out, training])
        done = result(folder(tmp_path, Version(path=f"voices/anna/{plan.version}")))
        for _ in range(2):  # the same report can come again
            lives.kind(session, "train").commit(session, row, done)
        told = [event for event in events.after(session, 0)[0] if event.HasField("notice")]
        return runs.message(session, session.get_one(Run, row.run)), told

    run, notices = anna.write_now(act)
    assert run.course == shape
    assert told in run.course_sentence
    said = [one.notice.sentence for one in notices if "eld-out loss" in one.notice.sentence]
    assert len(said) == bool(told)
    assert all(one.startswith(f"Run #{run.id} of anna: ") and told in one for one in said)
    assert all("At the end held-out loss lies " in one for one in [*said, *filter(None, [run.course_sentence])])


def whole(folder: Path, weights: bytes) -> None:
    """A version's folder as its training wrote it."""
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "version.json").write_text('{"engine": "glow", "base": "b1"}')
    sums.write(folder, ())


def test_a_training_is_told_the_weights_of_versions_that_it_need_not_make_again(anna: Store, tmp_path: Path) -> None:
    def act(session: Session, what: pb.JobSpec, *, tried: bool = False) -> dict[int, str]:
        row = job(session, what)
        if tried:
            experiment = Experiment(
                voice="anna", number=1, engine="glow", space={}, trials=1, budget=0.0, start="base", dataset=2,
                rival=0, seed=0, state="running", created=now(),
            )  # fmt: skip
            session.add(experiment)
            session.flush()
            session.add(Trial(experiment=experiment.id, number=1, settings={}, state="training", train_job=row.id))
            session.flush()
        told = lives.kind(session, "train").plan(session, row).train
        return {one.version: one.digest for one in told.known}

    for number in (1, 2, 3, 4):
        anna.write_now(lambda session, number=number: version(session, number, data=1))  # type: ignore[misc]
    for number, weights in ((1, b"one"), (2, b"one"), (3, b"three")):  # of 4 there is nothing
        whole(tmp_path / f"voices/anna/{number}", weights)
    anna.write_now(lambda session: setattr(voices.version(session, "anna", 3), "state", VersionState.PURGED))
    found = anna.write_now(lambda session: act(session, spec()))
    assert sorted(found) == [1, 2]
    assert found[1] == found[2] == same_weights.digest(tmp_path / "voices/anna/2") != ""
    assert anna.write_now(lambda session: act(session, spec(), tried=True)) == {}, (
        "a trial is judged by its own version"
    )
