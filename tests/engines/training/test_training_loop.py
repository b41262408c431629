"""What a training promises to whoever starts it, on a toy engine with real torch."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer import event_file_writer
from toy_engine import ToyEngine, ToyModel, clips
from toy_training import SETTINGS, Script, run, same, weights

from engines.base import LoraSettings
from engines.errors import BadInput
from engines.training import gain
from engines.training.control import Command, Stopped
from engines.training.held_out import held_out_losses
from engines.training.loop import train


def test_the_held_out_loss_falls_and_the_best_weights_are_the_result(tmp_path: Path) -> None:
    result, model, report = run(tmp_path)
    curve = report.curves["held_out/loss"]
    assert result.best_loss == min(curve.values()) < 0.5 * curve[0]
    assert curve[result.best_step] == result.best_loss
    assert held_out_losses(ToyEngine(), model, clips(5, 2), SETTINGS)["loss"] == result.best_loss


def test_the_same_training_twice_gives_the_same_weights(tmp_path: Path) -> None:
    _, a, _ = run(tmp_path / "a")
    _, b, _ = run(tmp_path / "b")
    assert same(weights(a), weights(b))


def test_a_model_that_was_folded_to_be_trainable_trains_with_dropout(tmp_path: Path) -> None:
    class Folding(ToyEngine):
        def trainable(self, model: ToyModel, lora: LoraSettings | None) -> list[torch.nn.Parameter]:
            model.module.eval()
            return super().trainable(model, lora)

    settings = dataclasses.replace(SETTINGS, steps=3)
    engines = {"plain": ToyEngine(), "folding": Folding()}
    found = {}
    for name, engine in engines.items():
        model = engine.load(None)
        train(engine, model, clips(12), clips(5, 2), settings, tmp_path / name)
        found[name] = weights(model)
    assert same(found["plain"], found["folding"])


def test_another_seed_gives_other_weights(tmp_path: Path) -> None:
    _, a, _ = run(tmp_path / "a")
    _, b, _ = run(tmp_path / "b", settings=dataclasses.replace(SETTINGS, seed=1))
    assert not same(weights(a), weights(b))


def test_measuring_held_out_more_often_does_not_disturb_training(tmp_path: Path) -> None:
    _, _, seldom = run(tmp_path / "a", settings=dataclasses.replace(SETTINGS, eval_every=20))
    _, _, often = run(tmp_path / "b", settings=dataclasses.replace(SETTINGS, eval_every=1))
    assert seldom.curves["train/loss"] == often.curves["train/loss"]
    assert seldom.curves["held_out/loss"][40] == often.curves["held_out/loss"][40]


def test_every_step_reports_its_points(tmp_path: Path) -> None:
    _, _, report = run(tmp_path)
    steps = set(range(1, 41))
    for name in ("train/loss", "train/bias", "lr", "grad_norm", "seconds_per_step", "clips_per_second", "memory"):
        assert set(report.curves[name]) == steps, name
    assert set(report.curves["held_out/loss"]) == set(range(0, 41, 5))
    assert report.progressed[-1][:2] == (40, 40)


def test_tensorboard_finds_the_curves(tmp_path: Path) -> None:
    _, _, report = run(tmp_path)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    read = {event.step: event.value for event in events.Scalars("train/loss")}
    assert read == pytest.approx(report.curves["train/loss"])


def test_tensorboard_shows_repeated_steps_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # files of one second and one process are told apart by a number only, and are read in the order of their names: 10
    # before 9
    monkeypatch.setattr(event_file_writer, "_global_uid", event_file_writer.AtomicCounter(0))
    with pytest.raises(Stopped):
        run(tmp_path, control=Script({18: Command.STOP}))
    shutil.rmtree(tmp_path / "checkpoints" / "step-000017")  # as if the machine had died before it was written
    _, _, report = run(tmp_path)
    assert min(report.curves["lr"]) == 11
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("train/loss")] == list(range(1, 41))


def test_a_training_that_never_gains_stops_and_says_so(tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, steps=500, learning_rate=3.0, warmup=0, patience=3)
    result, _, report = run(tmp_path, settings=settings)
    assert result.stopped_early
    assert result.steps < 500
    assert result.ended == f"No gain since step {result.best_step}; stopped at step {result.steps}."
    assert any(result.ended in text for _, text in report.lines)


def test_a_training_that_only_makes_it_worse_gives_back_what_came_in(tmp_path: Path) -> None:
    engine = ToyEngine()
    _, model, _ = run(tmp_path / "first", engine)
    model.module.train()
    before = weights(model)
    hostile = dataclasses.replace(SETTINGS, learning_rate=10.0, warmup=0, patience=2)
    result = train(engine, model, clips(24), clips(5, 2), hostile, tmp_path / "second")
    assert result.best_step == 0
    assert same(before, weights(model))


def test_no_clips_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no clips to train on"):
        run(tmp_path, new=[])


def test_without_held_out_clips_the_last_weights_are_kept_and_it_says_so(tmp_path: Path) -> None:
    result, _, report = run(tmp_path, held_out=[])
    assert result.best_step == result.steps == 40
    assert result.best_loss is None
    assert any("no held-out clips" in text for level, text in report.lines if level == "warning")


def test_a_time_limit_ends_the_training_with_a_sentence(tmp_path: Path) -> None:
    result, _, _ = run(tmp_path, settings=dataclasses.replace(SETTINGS, steps=100_000, max_seconds=0.3))
    assert result.steps < 100_000
    assert "time of 1 s was over" in result.ended
    assert result.seconds < 5


def test_bf16_autocast_trains(tmp_path: Path) -> None:
    result, _, report = run(tmp_path, settings=dataclasses.replace(SETTINGS, precision="bf16"))
    assert result.best_loss is not None
    assert result.best_loss < report.curves["held_out/loss"][0]


def test_each_measurement_tells_what_was_gained_since_the_start(tmp_path: Path) -> None:
    result, _, report = run(tmp_path)
    start, best = report.curves["held_out/loss"][0], result.best_loss
    assert result.start_losses["loss"] == start
    assert best is not None
    assert report.curves["gain/base"][result.best_step] == pytest.approx(100 * (start - best) / start)
    assert "gain/parent" not in report.curves
    told = [text for _, text in report.lines if text.startswith("Step ")]
    assert len(told) == len(report.curves["held_out/loss"]) - 1
    assert "% better than the base. Best so far." in told[0]


def test_progress_says_neither_the_step_nor_the_time_left_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engines.training.loop.PROGRESS_EVERY", 0.0)
    _, _, report = run(tmp_path)
    sentences = [sentence for _, _, sentence in report.progressed[:-1]]
    assert len(sentences) > 2
    assert all(sentence.startswith("loss ") for sentence in sentences)
    assert not any("left" in sentence or "step" in sentence for sentence in sentences)


@pytest.mark.parametrize(
    ("loss", "reference", "told"),
    [
        (3.0, 4.0, "25.0 % better"),
        (4.0, 3.0, "33.3 % worse"),
        (-1.5, -1.0, "50.0 % better"),
        (-0.265, 0.5, "0.765 better"),
        (0.5, -0.265, "0.765 worse"),
        (0.25, 0.0, "0.25 worse"),
    ],
)
def test_percent_are_not_told_of_losses_with_zero_between_them(loss: float, reference: float, told: str) -> None:
    assert gain.phrase(loss, reference) == told
    assert bool(gain.gains(loss, {"base": reference})) is ("%" in told)


def test_a_training_on_a_version_is_compared_with_it_and_with_the_base(tmp_path: Path) -> None:
    _, _, report = run(tmp_path, base_losses={"loss": 1000.0})
    assert report.curves["gain/base"][0] > 90
    assert report.curves["gain/parent"][0] == 0
