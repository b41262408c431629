"""A training uses what its own run left, and nothing else: folders of another database under the same number are set
aside, whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from demo_clips import refs
from recorded import Recorded

from daemon.home import identity
from daemon.kinds.train import worker as train
from daemon.worker import versions
from daemon.worker.job import Stopped
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration

HOUR = 3_600_000_000_000  #: nanoseconds


def of_another_database(plan: wire.TrainPlan) -> wire.TrainPlan:
    """The same numbers, given a second time by another database, to another run on other recordings."""
    other = wire.TrainPlan.FromString(plan.SerializeToString())
    other.run_uuid, other.home_uuid = "c" * 32, "d" * 32
    del other.clips[:]
    other.clips.extend(refs(10, 16))
    return other


def contents(folder: Path) -> dict[str, str]:
    """Every file's digest."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def stopped_at(step: int) -> Callable[[Recorded], str]:
    return lambda channel: "stop" if step in channel.curves.get("train/loss", {}) else ""


def notices(channel: Recorded) -> list[str]:
    return [report.notice.sentence for report in channel.reports if report.HasField("notice")]


def without_marks(plan: wire.TrainPlan) -> None:
    """As a Myna that knew no marks left it."""
    for folder in (Path(plan.run_dir), Path(plan.out_dir)):
        (folder / identity.MARK).unlink(missing_ok=True)


def test_a_version_of_another_database_is_not_taken_for_this_runs(trained_plan: wire.TrainPlan, tmp_path: Path) -> None:
    old = contents(Path(trained_plan.out_dir))
    other, channel = of_another_database(trained_plan), Recorded(tmp_path)
    train.run(other, channel)
    assert set(channel.curves["train/loss"]) == set(range(1, 13))
    assert contents(Path(other.out_dir))["model.safetensors"] != old["model.safetensors"]
    assert (versions.lineage(Path(other.out_dir)) or {})["clips"] == sorted(one.sha256 for one in other.clips)
    aside = tmp_path / "voices" / "anna" / "1.of-another-database"
    assert contents(aside) == old
    assert any(str(aside) in sentence for sentence in notices(channel))


def test_checkpoints_of_another_database_are_not_gone_on_from(train_plan: wire.TrainPlan, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        train.run(train_plan, Recorded(tmp_path, stopped_at(6)))
    old = contents(Path(train_plan.run_dir))
    assert any(name.startswith("checkpoints/step-") for name in old)
    other, channel = of_another_database(train_plan), Recorded(tmp_path)
    train.run(other, channel)
    assert min(channel.curves["train/loss"]) == 1
    aside = tmp_path / "runs" / "5.of-another-database"
    assert contents(aside) == old
    assert any(str(aside) in sentence for sentence in notices(channel))
    train.run(train_plan, Recorded(tmp_path))  # a third time: nothing that was set aside is written over
    assert contents(aside) == old
    assert (tmp_path / "runs" / "5.of-another-database-2").is_dir()


def test_the_very_same_data_is_no_proof_that_checkpoints_are_this_runs(
    train_plan: wire.TrainPlan, tmp_path: Path
) -> None:
    with pytest.raises(Stopped):
        train.run(train_plan, Recorded(tmp_path, stopped_at(6)))
    train_plan.run_uuid = "c" * 32
    channel = Recorded(tmp_path)
    train.run(train_plan, channel)
    assert min(channel.curves["train/loss"]) == 1


def test_a_run_that_began_before_there_were_marks_goes_on_from_its_checkpoints(
    train_plan: wire.TrainPlan, tmp_path: Path
) -> None:
    with pytest.raises(Stopped):
        train.run(train_plan, Recorded(tmp_path, stopped_at(6)))
    without_marks(train_plan)
    train_plan.unmarked_from = min(path.stat().st_mtime_ns for path in Path(train_plan.run_dir).rglob("*"))
    channel = Recorded(tmp_path)
    train.run(train_plan, channel)
    assert min(channel.curves["train/loss"]) == 7
    assert not notices(channel)
    assert identity.read(Path(train_plan.run_dir)) == identity.Mark(train_plan.home_uuid, train_plan.run_uuid)


@pytest.mark.parametrize("legacy", [False, True], ids=["the run has marks", "the run began after these were written"])
def test_unmarked_checkpoints_that_cannot_be_the_runs_are_set_aside(
    train_plan: wire.TrainPlan, tmp_path: Path, legacy: bool
) -> None:
    with pytest.raises(Stopped):
        train.run(train_plan, Recorded(tmp_path, stopped_at(6)))
    without_marks(train_plan)
    if legacy:
        train_plan.unmarked_from = max(path.stat().st_mtime_ns for path in Path(train_plan.run_dir).rglob("*")) + HOUR
    channel = Recorded(tmp_path)
    train.run(train_plan, channel)
    assert min(channel.curves["train/loss"]) == 1
    assert (tmp_path / "runs" / "5.of-another-database").is_dir()


def test_a_version_finished_before_there_were_marks_is_only_reported_again(
    trained_plan: wire.TrainPlan, tmp_path: Path
) -> None:
    without_marks(trained_plan)
    trained_plan.unmarked_from = 1
    channel = Recorded(tmp_path)
    train.run(trained_plan, channel)
    assert not channel.curves
    assert identity.is_of(Path(trained_plan.out_dir), trained_plan.run_uuid)


def test_an_unmarked_version_of_other_data_is_set_aside_whatever_its_number_says(
    trained_plan: wire.TrainPlan, tmp_path: Path
) -> None:
    without_marks(trained_plan)
    other = of_another_database(trained_plan)
    other.unmarked_from = 1
    channel = Recorded(tmp_path)
    train.run(other, channel)
    assert channel.curves
    assert (tmp_path / "voices" / "anna" / "1.of-another-database").is_dir()


def test_a_version_says_whose_it_is_and_what_it_was_made_of(trained_plan: wire.TrainPlan, tmp_path: Path) -> None:
    about = versions.lineage(Path(trained_plan.out_dir)) or {}
    assert identity.read(Path(trained_plan.out_dir)) == identity.Mark("b" * 32, "a" * 32)
    assert (about["run_uuid"], about["home"], about["dataset"], about["parent_uuid"]) == ("a" * 32, "b" * 32, 3, "")
    assert about["created"]


def test_the_digest_of_a_versions_files_is_not_changed_by_its_mark(
    trained_plan: wire.TrainPlan, tmp_path: Path
) -> None:
    before = versions.identity(Path(trained_plan.out_dir))
    os.utime(Path(trained_plan.out_dir) / identity.MARK, ns=(1, 1))
    assert versions.identity(Path(trained_plan.out_dir)) == before
