"""What a training promises to whoever starts it, on a toy engine with real torch."""

from __future__ import annotations

import dataclasses
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer import event_file_writer
from toy_engine import ToyEngine, ToyModel, clips

from engines.base import Batch, Features
from engines.errors import BadInput, Cancelled, EngineError, OutOfMemory
from engines.training import gain
from engines.training.control import Command, Stopped, Switch
from engines.training.held_out import held_out_losses
from engines.training.loop import MAX_SKIPPED, TrainResult, train
from engines.training.report import Collected
from engines.training.settings import TrainSettings

SETTINGS = TrainSettings(
    steps=40,
    learning_rate=1e-2,
    batch_size=8,
    micro_batch=8,
    warmup=4,
    eval_every=5,
    checkpoint_every=10,
    patience=0,
    threads=1,
)


def weights(model: ToyModel) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.module.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def run(
    folder: Path, engine: ToyEngine | None = None, settings: TrainSettings = SETTINGS, **given: Any
) -> tuple[TrainResult, ToyModel, Collected]:
    engine = engine or ToyEngine()
    model, report = engine.load(None), Collected()
    held_out: Sequence[Features] = given.pop("held_out", clips(5, 2))
    result = train(engine, model, given.pop("new", clips(24)), held_out, settings, folder, report=report, **given)
    return result, model, report


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


# --- whoever steers


class Script(Switch):
    """Gives commands at given polls; a wait that follows lasts until `wait` is entered, and no longer."""

    def __init__(self, commands: dict[int, Command]) -> None:
        super().__init__()
        self.commands, self.polls, self.waits = commands, 0, 0

    def poll(self) -> Command:
        self.polls += 1
        return self.commands.get(self.polls, Command.GO)

    def wait(self) -> None:
        self.waits += 1
        torch.rand(3)  # somebody else draws random numbers meanwhile


def test_pauses_and_yields_change_nothing_in_the_result(tmp_path: Path) -> None:
    _, undisturbed, _ = run(tmp_path / "a")
    control = Script({3: Command.PAUSE, 9: Command.YIELD, 10: Command.YIELD, 30: Command.PAUSE})
    _, paused, _ = run(tmp_path / "b", control=control)
    assert control.waits == 4
    assert same(weights(undisturbed), weights(paused))


def test_a_pause_takes_effect_within_one_step(tmp_path: Path) -> None:
    control, paused_at = Switch(), []
    waiting = threading.Event()

    class Watched(Collected):
        def points(self, step: int, values: Any) -> None:
            super().points(step, values)
            if step == 7 and "lr" in values:
                control.set(Command.PAUSE)

    report = Watched()
    plain_wait = control.wait

    def wait() -> None:
        paused_at.append(max(report.curves["lr"]))
        waiting.set()
        plain_wait()

    control.wait = wait  # type: ignore[method-assign]
    engine = ToyEngine()
    thread = threading.Thread(
        target=train,
        args=(engine, engine.load(None), clips(24), clips(5, 2), SETTINGS, tmp_path, control, report),
        daemon=True,
    )
    thread.start()
    assert waiting.wait(30)
    assert paused_at == [7]
    control.set(Command.GO)
    thread.join(30)
    assert not thread.is_alive()
    assert max(report.curves["lr"]) == 40


def test_a_cancelled_training_has_a_checkpoint_of_its_last_step(tmp_path: Path) -> None:
    with pytest.raises(Cancelled, match="cancelled at step 6"):
        run(tmp_path, control=Script({7: Command.CANCEL}))
    assert (tmp_path / "checkpoints" / "step-000006" / "optimizer.safetensors").exists()


def test_a_stopped_training_goes_on_later_as_if_nothing_had_happened(tmp_path: Path) -> None:
    _, undisturbed, _ = run(tmp_path / "a")
    with pytest.raises(Stopped, match="goes on from there later"):
        run(tmp_path / "b", control=Script({14: Command.STOP}))
    _, resumed, report = run(tmp_path / "b")
    assert min(report.curves["lr"]) == 14
    assert same(weights(undisturbed), weights(resumed))


def test_a_training_cancelled_before_its_first_step_starts_anew(tmp_path: Path) -> None:
    _, undisturbed, _ = run(tmp_path / "a")
    with pytest.raises(Cancelled, match="at step 0"):
        run(tmp_path / "b", control=Script({1: Command.CANCEL}))
    _, model, report = run(tmp_path / "b")
    assert min(report.curves["lr"]) == 1
    assert same(weights(undisturbed), weights(model))


def test_a_finished_training_started_again_only_loads_its_result(tmp_path: Path) -> None:
    first, a, _ = run(tmp_path)
    again, b, report = run(tmp_path)
    assert "lr" not in report.curves
    assert (again.steps, again.best_step, again.best_loss) == (first.steps, first.best_step, first.best_loss)
    assert same(weights(a), weights(b))


def test_a_run_folder_of_another_training_is_refused(tmp_path: Path) -> None:
    run(tmp_path)
    with pytest.raises(BadInput, match="other clips or settings"):
        run(tmp_path, new=clips(25))
    with pytest.raises(BadInput, match="other clips or settings"):
        run(tmp_path, settings=dataclasses.replace(SETTINGS, learning_rate=1e-3))


# --- memory


class Plain(ToyEngine):
    """No dropout and no batch norm, so that a batch in pieces has the gradient of the whole."""

    def load(self, *args: Any, **kwargs: Any) -> ToyModel:
        model = super().load(None)
        model.module = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.Tanh(), torch.nn.Linear(16, 2))
        torch.manual_seed(5)
        for parameter in model.module.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        return model


class Cramped(Plain):
    """A device with room for so many clips at a time: a stand-in for the card's own out-of-memory error."""

    def __init__(self, room: int, error: type[Exception], message: str) -> None:
        super().__init__()
        self.room, self.error, self.message = room, error, message
        self.seen: list[int] = []

    def losses(self, model: ToyModel, batch: Batch) -> dict[str, torch.Tensor]:
        if batch["clips"] > self.room:
            raise self.error(self.message)
        if torch.is_grad_enabled():
            self.seen.append(batch["clips"])
        return super().losses(model, batch)


OOMS = [
    (torch.OutOfMemoryError, "CUDA out of memory. Tried to allocate 2.00 GiB."),
    (RuntimeError, "CUDA error: out of memory"),
    (
        RuntimeError,
        "[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: "
        "you tried to allocate 8 bytes.",
    ),
    (MemoryError, ""),
]


@pytest.mark.parametrize(("error", "message"), OOMS)
def test_out_of_memory_halves_the_micro_batch_keeps_the_effective_batch_and_says_so(
    error: type[Exception], message: str, tmp_path: Path
) -> None:
    roomy, _, _ = run(tmp_path / "a", Plain())
    engine = Cramped(3, error, message)
    result, _, report = run(tmp_path / "b", engine)
    assert max(engine.seen) == 2
    assert sum(engine.seen) == 40 * 8
    assert any("4 × 2 clips make one step" in text for level, text in report.lines if level == "warning")
    assert sum("Memory ran out" in text for _, text in report.lines) == 2  # 8 → 4 → 2, then no more
    assert result.best_loss == pytest.approx(roomy.best_loss, rel=1e-3)


def test_a_smaller_micro_batch_is_remembered_over_a_stop(tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        run(tmp_path, Cramped(3, *OOMS[0]), control=Script({9: Command.STOP}))
    _, _, report = run(tmp_path, Cramped(3, *OOMS[0]))
    assert not any("Memory ran out" in text for _, text in report.lines)


def test_memory_that_does_not_hold_one_clip_is_an_error_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(OutOfMemory, match="Memory ran out") as caught:
        run(tmp_path, Cramped(0, *OOMS[0]), held_out=[])
    assert caught.value.hint


def test_other_runtime_errors_are_not_taken_for_memory(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        run(tmp_path, Cramped(3, RuntimeError, "shapes do not fit"))


@pytest.mark.parametrize("micro_batch", [1, 3, 5])
def test_accumulated_gradients_are_those_of_the_whole_batch(micro_batch: int, tmp_path: Path) -> None:
    _, _, a = run(tmp_path / "a", Plain())
    _, _, b = run(tmp_path / "b", Plain(), dataclasses.replace(SETTINGS, micro_batch=micro_batch))
    assert b.curves["train/loss"] == pytest.approx(a.curves["train/loss"], rel=1e-3)
    assert b.curves["grad_norm"] == pytest.approx(a.curves["grad_norm"], rel=1e-2)


# --- numbers that are none


class Poisoned(ToyEngine):
    """Losses are not a number in some of the training steps."""

    def __init__(self, bad: set[int]) -> None:
        super().__init__()
        self.bad, self.calls = bad, 0

    def losses(self, model: ToyModel, batch: Batch) -> dict[str, torch.Tensor]:
        losses = super().losses(model, batch)
        if torch.is_grad_enabled():
            self.calls += 1
            if self.calls in self.bad:
                losses["loss"] = losses["loss"] * float("nan")
        return losses


def test_a_step_without_a_finite_loss_is_skipped_and_told(tmp_path: Path) -> None:
    result, model, report = run(tmp_path, Poisoned({12, 13}))
    assert result.steps == 40
    assert all(torch.isfinite(tensor).all() for tensor in weights(model).values())
    assert sum("was not a number" in text for _, text in report.lines) == 2
    assert 12 not in report.curves["train/loss"]


def test_too_many_of_them_in_a_row_end_the_training_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=f"{MAX_SKIPPED} steps in a row") as caught:
        run(tmp_path, Poisoned(set(range(20, 100))))
    assert "learning rate" in caught.value.hint


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
    assert gain.words(loss, reference) == told
    assert bool(gain.gains(loss, {"base": reference})) is ("%" in told)


def test_a_training_on_a_version_is_compared_with_it_and_with_the_base(tmp_path: Path) -> None:
    _, _, report = run(tmp_path, base_losses={"loss": 1000.0})
    assert report.curves["gain/base"][0] > 90
    assert report.curves["gain/parent"][0] == 0
