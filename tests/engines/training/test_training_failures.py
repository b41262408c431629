"""A training whose memory runs out or whose loss is not a number."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_engine import ToyEngine, ToyModel
from toy_training import SETTINGS, Script, run, weights

from engines.base import Batch
from engines.errors import EngineError, OutOfMemory
from engines.training.control import Command, Stopped
from engines.training.loop import MAX_SKIPPED


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
