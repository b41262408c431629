"""Training in a worker: what is left behind, and what an attempt finds of the ones before it."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from recorded import Recorded

from daemon.home import same_weights
from daemon.kinds.train import begun
from daemon.kinds.train import worker as train
from daemon.state.values import Way
from daemon.worker import versions
from daemon.worker.job import Stopped
from engines import registry
from engines.errors import BadInput, Cancelled, DiskFull, EngineError
from engines.glow.engine import GlowEngine
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration


def next_one(plan: wire.TrainPlan, home: Path, version: int) -> wire.TrainPlan:
    """An increment on the plan's version."""
    increment = wire.TrainPlan.FromString(plan.SerializeToString())
    increment.parent_dir, increment.out_dir = plan.out_dir, str(home / "voices" / "anna" / str(version))
    increment.run_dir, increment.run, increment.version, increment.first = str(home / "runs" / "6"), 6, version, False
    return increment


def weights(plan: wire.TrainPlan) -> bytes:
    return (Path(plan.out_dir) / "model.safetensors").read_bytes()


def test_a_training_leaves_a_whole_version_and_commits_it_once(train_plan: wire.TrainPlan, tmp_path: Path) -> None:
    channel = Recorded(tmp_path)
    assert train.run(train_plan, channel).startswith("Trained version 1 of anna")
    folder = Path(train_plan.out_dir)
    assert [one.name for one in folder.parent.iterdir()] == ["1"]  # nothing half-written beside it
    about = json.loads((folder / "version.json").read_text())
    assert (about["voice"], about["parent"], about["run"], about["used"]) == (
        "anna",
        0,
        5,
        {"new": 6, "old": 0, "held_out": 2},
    )
    begun, report = channel.committed
    assert (begun.begun.way, begun.begun.steps) == (pb.RUN_WAY_BASE, 12)
    assert report.trained.steps == 12
    files = [file for file in Path(train_plan.out_dir).rglob("*") if file.is_file()]
    assert report.trained.size == sum(file.stat().st_size for file in files) > 1_000
    assert report.trained.held_out["loss"] == pytest.approx(report.trained.best_loss)
    assert set(channel.curves["train/loss"]) == set(range(1, 13))
    assert channel.told[-1][:2] == (12, 12)
    assert not (Path(train_plan.run_dir) / "checkpoints").exists()


def test_a_stopped_training_goes_on_and_ends_with_the_same_weights(
    trained_plan: wire.TrainPlan, tmp_path: Path
) -> None:
    undisturbed = weights(trained_plan)
    other = wire.TrainPlan.FromString(trained_plan.SerializeToString())
    other.run_dir, other.out_dir = str(tmp_path / "runs" / "6"), str(tmp_path / "voices" / "anna" / "2")
    with pytest.raises(Stopped) as stopped:
        train.run(
            other, Recorded(tmp_path, lambda channel: "stop" if 6 in channel.curves.get("train/loss", {}) else "")
        )
    assert stopped.value.step == 6
    assert not Path(other.out_dir).exists()

    again = Recorded(tmp_path)
    train.run(other, again)
    assert min(again.curves["train/loss"]) == 7
    assert weights(other) == undisturbed


def test_giving_way_changes_nothing(train_plan: wire.TrainPlan, tmp_path: Path) -> None:
    def once(channel: Recorded) -> str:
        return "yield" if 5 in channel.curves.get("train/loss", {}) and not channel.waited else ""

    channel = Recorded(tmp_path, once)
    train.run(train_plan, channel)
    assert channel.waited == 1
    given_way = weights(train_plan)
    other = wire.TrainPlan.FromString(train_plan.SerializeToString())
    other.run_dir, other.out_dir = str(tmp_path / "runs" / "6"), str(tmp_path / "voices" / "anna" / "2")
    train.run(other, Recorded(tmp_path))
    assert weights(other) == given_way


def test_a_version_that_was_finished_before_the_worker_died_is_only_reported_again(
    train_plan: wire.TrainPlan, tmp_path: Path
) -> None:
    first, second = Recorded(tmp_path), Recorded(tmp_path)
    train.run(train_plan, first)
    train.run(train_plan, second)
    assert second.committed == first.committed[-1:]
    assert not second.curves


def test_a_folder_that_is_not_whole_is_made_anew(train_plan: wire.TrainPlan, tmp_path: Path) -> None:
    broken = Path(train_plan.out_dir)
    broken.mkdir(parents=True)
    (broken / "model.safetensors").write_bytes(b"half")
    train.run(train_plan, Recorded(tmp_path))
    assert versions.lineage(broken) is not None
    GlowEngine().load(broken)


def on_top(plan: wire.TrainPlan) -> wire.TrainPlan:
    """The same, trained on top of its parent and not averaged with it."""
    plan.settings_json = json.dumps({**json.loads(plan.settings_json), "parent_share": 0.0})
    return plan


def tensors(folder: str) -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(Path(folder) / "model.safetensors")


def test_an_increment_of_the_embedded_engine_is_the_mean_of_its_parent_and_a_training_from_the_base(
    trained_plan: wire.TrainPlan, tmp_path: Path
) -> None:
    increment = next_one(trained_plan, tmp_path, 2)
    for one in increment.clips[:4]:
        one.is_new = False
    train.run(increment, channel := Recorded(tmp_path))
    alone = next_one(trained_plan, tmp_path, 3)
    alone.run_dir, alone.run, alone.parent_dir, alone.first = str(tmp_path / "runs" / "7"), 7, "", True
    order = [*(one for one in increment.clips if one.is_new), *(one for one in increment.clips if not one.is_new)]
    del alone.clips[:]
    for one in order:
        alone.clips.add().CopyFrom(one)
        alone.clips[-1].is_new = True
    train.run(alone, Recorded(tmp_path))
    parent, mine, other = (tensors(plan.out_dir) for plan in (trained_plan, increment, alone))
    share = registry.learning(GlowEngine.info).parent_share
    assert any(not torch.equal(parent[name], other[name]) for name in parent)
    for name, weights in mine.items():
        torch.testing.assert_close(weights, torch.lerp(other[name], parent[name], share))
    assert any("to be averaged with anna@1" in line for line in channel.lines)


def of_another_base(plan: wire.TrainPlan) -> None:
    lineage = Path(plan.out_dir) / "version.json"
    lineage.write_text(json.dumps({**json.loads(lineage.read_text()), "origin": "another"}))


def test_an_increment_whose_parent_is_of_another_base_is_a_training_from_the_base_on_all_clips(
    trained_plan: wire.TrainPlan, tmp_path: Path
) -> None:
    of_another_base(trained_plan)
    increment = next_one(trained_plan, tmp_path, 2)
    for one in increment.clips[:4]:
        one.is_new = False
    train.run(increment, channel := Recorded(tmp_path))
    assert any("Trains from the base of glow on 2 new and 4 old clips" in line for line in channel.lines)
    assert channel.committed[0].begun.way == pb.RUN_WAY_BASE
    alone = next_one(trained_plan, tmp_path, 3)
    alone.run_dir, alone.run, alone.parent_dir, alone.first = str(tmp_path / "runs" / "7"), 7, "", True
    alone.clips.extend([alone.clips.pop(0) for _ in range(4)])  # the order in which the increment has them
    train.run(alone, Recorded(tmp_path))
    assert weights(increment) == weights(alone)
    mine, other = versions.lineage(Path(increment.out_dir)) or {}, versions.lineage(Path(alone.out_dir)) or {}
    assert (mine["parent"], mine["origin"], mine["settings"]) == (0, other["origin"], other["settings"])


def test_an_increment_that_an_older_myna_began_on_top_of_such_a_parent_goes_on_so(
    trained_plan: wire.TrainPlan, tmp_path: Path
) -> None:
    of_another_base(trained_plan)
    increment = next_one(trained_plan, tmp_path, 2)
    asked = increment.settings_json
    with pytest.raises(Stopped):
        train.run(
            on_top(increment), Recorded(tmp_path, lambda one: "stop" if 6 in one.curves.get("train/loss", {}) else "")
        )
    file = Path(increment.run_dir) / begun.FILE
    said = json.loads(file.read_text())
    increment.settings_json = asked
    before = {"asked": {**said["asked"], "settings": json.loads(asked)}, "settings": said["settings"]}
    file.write_text(json.dumps(before))
    train.run(increment, channel := Recorded(tmp_path))
    assert min(channel.curves["train/loss"]) == 7
    assert any("Trains from anna@1 on" in line for line in channel.lines)
    assert channel.committed[0].begun.way == pb.RUN_WAY_ON_TOP
    about = versions.lineage(Path(increment.out_dir)) or {}
    assert (about["parent"], about["origin"]) == (1, "another"), "nothing from this base is ever averaged with it"


def test_a_parent_that_cannot_be_averaged_with_is_found_before_anything_is_trained(
    trained_plan: wire.TrainPlan, tmp_path: Path
) -> None:
    (Path(trained_plan.out_dir) / "model.safetensors").unlink()
    with pytest.raises(EngineError, match=r"model\.safetensors"):
        train.run(next_one(trained_plan, tmp_path, 2), channel := Recorded(tmp_path))
    assert not channel.curves


def test_what_a_run_began_by_is_what_it_goes_on_by(
    trained_plan: wire.TrainPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    increment = next_one(trained_plan, tmp_path, 2)
    train.run(increment, Recorded(tmp_path))
    undisturbed = weights(increment)
    other = next_one(trained_plan, tmp_path, 3)
    other.run_dir, other.run = str(tmp_path / "runs" / "7"), 7
    with pytest.raises(Stopped):
        train.run(other, Recorded(tmp_path, lambda one: "stop" if 6 in one.curves.get("train/loss", {}) else ""))
    learning = dataclasses.replace(registry.learning(GlowEngine.info), learning_rate=1e-9, parent_share=0.0)
    monkeypatch.setattr(GlowEngine, "info", dataclasses.replace(GlowEngine.info, learning=learning))
    train.run(other, again := Recorded(tmp_path))
    assert min(again.curves["train/loss"]) == 7
    assert weights(other) == undisturbed


def test_an_averaged_increment_that_gained_nothing_gained_nothing_over_the_base(train_plan: wire.TrainPlan) -> None:
    train_plan.parent_dir, train_plan.first = "voices/anna/1", False

    def told(way: Way) -> str:
        result = {"steps": 12, "ended": "All 12 steps done.", "way": way}
        return train._sentence(train_plan, {"outcome": "NOTHING_GAINED", "result": result})

    assert "over version 1 in" in told(Way.ON_TOP)
    assert "over the base in" in told(Way.AVERAGED)
    assert "over the base in" in told(Way.BASE)


def test_an_increment_learns_from_new_clips_and_mixes_old_ones_in(trained_plan: wire.TrainPlan, tmp_path: Path) -> None:
    increment = on_top(next_one(trained_plan, tmp_path, 2))
    for one in increment.clips[:4]:
        one.is_new = False
    channel = Recorded(tmp_path)
    train.run(increment, channel)
    about = versions.lineage(Path(increment.out_dir)) or {}
    assert (about["parent"], about["used"]) == (1, {"new": 2, "old": 4, "held_out": 2})
    assert any("from the cache" in line and "8 of them" in line for line in channel.lines)

    # what it gained is told against the base, which is where the first one began, and against its parent
    first = versions.lineage(Path(trained_plan.out_dir)) or {}
    assert about["result"]["base_losses"] == pytest.approx(first["result"]["start_losses"])
    assert about["result"]["start_losses"] == pytest.approx(first["result"]["best_losses"], rel=1e-3)
    assert channel.curves["gain/parent"][0] == 0
    assert channel.curves["gain/base"][0] == pytest.approx(
        100 * (1 - first["result"]["best_loss"] / first["result"]["start_losses"]["loss"])
    )
    told = json.loads(channel.committed[-1].trained.result_json)
    assert told["base_losses"] == about["result"]["base_losses"]


def test_a_cancelled_training_leaves_no_version(train_plan: wire.TrainPlan, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        train.run(train_plan, Recorded(tmp_path, lambda channel: "cancel" if channel.curves.get("train/loss") else ""))
    assert not Path(train_plan.out_dir).exists()


def test_a_full_disk_leaves_no_half_version_and_the_next_attempt_only_writes_it(
    train_plan: wire.TrainPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(engine: GlowEngine, model: object, folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(GlowEngine, "save", full)
        with pytest.raises(DiskFull, match="disk is full"):
            train.run(train_plan, Recorded(tmp_path))
    assert not any(Path(train_plan.out_dir).parent.iterdir())
    again = Recorded(tmp_path)
    train.run(train_plan, again)
    assert "train/loss" not in again.curves
    assert versions.lineage(Path(train_plan.out_dir)) is not None


def test_clips_the_engine_cannot_use_are_named_in_the_log(train_plan: wire.TrainPlan, tmp_path: Path) -> None:
    train_plan.clips[0].text = "…"
    channel = Recorded(tmp_path)
    train.run(train_plan, channel)
    assert any(line.startswith("warning") and train_plan.clips[0].sha256[:12] in line for line in channel.lines)
    for one in train_plan.clips:
        one.text = "…"
    train_plan.run, train_plan.run_dir, train_plan.run_uuid = 7, str(tmp_path / "runs" / "7"), "e" * 32
    with pytest.raises(BadInput, match="None of the new clips"):
        train.run(train_plan, Recorded(tmp_path))


def test_a_training_goes_on_without_a_clip_that_cannot_be_encoded_and_a_person_is_told(
    train_plan: wire.TrainPlan, tmp_path: Path
) -> None:
    train_plan.clips[0].text = "😀"
    channel = Recorded(tmp_path)
    assert train.run(train_plan, channel).startswith("Trained version 1 of anna")
    (told,) = [report.notice for report in channel.reports if report.HasField("notice")]
    assert told.level == "warning"
    assert told.sentence.startswith(
        f"1 of 8 clips of anna cannot train glow and are left out. {train_plan.clips[0].sha256[:12]}: "
    )
    assert "myna clip anna" in told.hint


def test_an_increment_without_a_new_clip_that_can_be_encoded_ends_well_without_a_version(
    trained_plan: wire.TrainPlan, tmp_path: Path
) -> None:
    increment = next_one(trained_plan, tmp_path, 2)
    for one in increment.clips[1:]:
        one.is_new = False
    increment.clips[0].text = "😀"
    channel = Recorded(tmp_path)
    sentence = train.run(increment, channel)
    assert sentence.startswith("No version was made: anna has nothing new to train on.")
    *_, report = channel.committed
    assert (report.trained.outcome, report.trained.version_dir, report.trained.steps) == (pb.NOTHING_NEW, "", 0)
    assert not channel.curves
    assert not Path(increment.out_dir).exists()


def test_a_training_that_was_never_better_than_where_it_began_makes_no_version(
    train_plan: wire.TrainPlan, tmp_path: Path
) -> None:
    train_plan.settings_json = json.dumps({**json.loads(train_plan.settings_json), "learning_rate": 1e-12})
    first, second = Recorded(tmp_path), Recorded(tmp_path)
    sentence = train.run(train_plan, first)
    assert sentence == "No version was made: anna gained nothing over the base in 12 steps. All 12 steps done."
    *_, report = first.committed
    assert (report.trained.outcome, report.trained.version_dir, report.trained.best_step) == (pb.NOTHING_GAINED, "", 0)
    assert report.trained.held_out["loss"] == pytest.approx(first.curves["held_out/loss"][0])
    assert not Path(train_plan.out_dir).exists()
    assert not (Path(train_plan.run_dir) / "checkpoints").exists()
    # an attempt after a crash says the same again, and trains nothing
    assert train.run(train_plan, second) == sentence
    assert second.committed == first.committed[-1:]
    assert not second.curves


def again(plan: wire.TrainPlan, home: Path, settings: dict[str, Any] | None = None) -> wire.TrainPlan:
    """Another run of the same clips, while version 1 is there."""
    other = wire.TrainPlan.FromString(plan.SerializeToString())
    other.run, other.run_dir, other.version = 6, str(home / "runs" / "6"), 2
    other.out_dir = str(home / "voices" / "anna" / "2")
    other.settings_json = json.dumps({**json.loads(plan.settings_json), **(settings or {})})
    other.known.add(version=1, digest=same_weights.digest(Path(plan.out_dir)))
    return other


def test_a_training_that_comes_to_the_weights_of_a_version_makes_no_other(
    trained_plan: wire.TrainPlan, tmp_path: Path
) -> None:
    twin = again(trained_plan, tmp_path)
    first, second = Recorded(tmp_path), Recorded(tmp_path)
    sentence = train.run(twin, first)
    assert sentence == (
        "No version was made: its weights are those of anna@1. All 12 steps done. "
        "Another seed, other settings or more recordings make another one."
    )
    *_, report = first.committed
    assert (report.trained.outcome, report.trained.version_dir, report.trained.steps) == (pb.SAME_WEIGHTS, "", 12)
    assert json.loads(report.trained.result_json)["same_as"] == 1
    assert [one.name for one in Path(twin.out_dir).parent.iterdir()] == ["1"], "something of it is left"
    # an attempt after a crash says the same again, and trains nothing
    assert train.run(twin, second) == sentence
    assert not second.curves


def test_another_seed_makes_another_version(trained_plan: wire.TrainPlan, tmp_path: Path) -> None:
    other = again(trained_plan, tmp_path, {"seed": 8})
    assert train.run(other, Recorded(tmp_path)).startswith("Trained version 2 of anna")
    assert weights(other) != weights(trained_plan)


def test_versions_are_told_to_be_the_same_only_while_their_weights_are_there(
    trained_plan: wire.TrainPlan, tmp_path: Path
) -> None:
    """A purged version's weights can be had again; and the same adapters on another base speak otherwise."""
    folder = tmp_path / "copy"
    shutil.copytree(trained_plan.out_dir, folder)
    own = same_weights.digest(Path(trained_plan.out_dir))
    assert same_weights.digest(folder) == own != ""
    about = json.loads((folder / "version.json").read_text())
    (folder / "version.json").write_text(json.dumps({**about, "version": 9, "run": 9}))
    assert same_weights.digest(folder) == own
    (folder / "version.json").write_text(json.dumps({**about, "base": "another"}))
    assert same_weights.digest(folder) not in ("", own)
    (folder / "model.safetensors").unlink()
    assert same_weights.digest(folder) == ""
    assert same_weights.digest(tmp_path / "nothing") == ""
