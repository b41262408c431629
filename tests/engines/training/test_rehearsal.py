"""The greatest step of a run, tried before the first one. The card is a stand-in: a CPU that says its memory is
limited."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from test_training_failures import OOMS, Cramped
from toy_engine import ToyEngine, ToyModel, clips
from toy_training import SETTINGS, Script, run, same, weights

from engines.base import Batch
from engines.errors import OutOfMemory
from engines.training import memory
from engines.training.control import Command, Stopped
from engines.training.data import START, DataOrder
from engines.training.rehearsal import greatest, state_bytes
from engines.training.step import adamw

GB = 1_000_000_000


class Card:
    """What the card would say."""

    def __init__(self) -> None:
        self.peaks = [3 * GB]
        self.asked = 0

    def peak(self, device: torch.device) -> int:
        self.asked += 1
        return self.peaks.pop(0) if len(self.peaks) > 1 else self.peaks[0]


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    one = Card()
    monkeypatch.setattr(memory, "limited", lambda device: True)
    monkeypatch.setattr(memory, "peak", one.peak)
    monkeypatch.setattr(memory, "left", lambda device: 8 * GB)
    return one


class Overfull(Cramped):
    """A card whose peak is that of the greatest piece that was tried, until it is forgotten."""

    def __init__(self, room: int) -> None:
        super().__init__(room, *OOMS[0])
        self.most = 0

    def losses(self, model: ToyModel, batch: Batch) -> dict[str, torch.Tensor]:
        self.most = max(self.most, batch["clips"])
        return super().losses(model, batch)

    def peak(self, device: torch.device) -> int:
        return self.most * GB

    def forget_peak(self, device: torch.device) -> None:
        self.most = 0


def test_nothing_is_learned_by_it_and_each_step_is_what_it_would_have_been(tmp_path: Path, card: Card) -> None:
    _, rehearsed, _ = run(tmp_path / "a")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "limited", lambda device: False)
        _, plain, _ = run(tmp_path / "b")
    assert card.asked
    assert same(weights(rehearsed), weights(plain)), "batch norm's buffers among them"


def test_what_runs_out_of_memory_does_so_before_the_first_step(tmp_path: Path, card: Card) -> None:
    _, _, report = run(tmp_path, Cramped(3, *OOMS[0]))
    told = [text for _, text in report.lines if "Memory" in text]
    assert told[0] == "Memory would run out in the longest step: from now on 2 × 4 clips make one step."
    assert told[1] == "Memory would run out in the longest step: from now on 4 × 2 clips make one step."
    assert len(told) == 2, "no step runs out of it later"
    with pytest.raises(OutOfMemory):
        run(tmp_path / "none", Cramped(0, *OOMS[0]), held_out=[])


def test_the_peak_is_a_number_of_the_run_and_told_again_when_it_grows(tmp_path: Path, card: Card) -> None:
    card.peaks = [3 * GB, 3 * GB, 5 * GB]
    _, _, report = run(tmp_path)
    assert report.curves["memory_peak"] == {0: 3.0 * GB, 2: 5.0 * GB}
    said = "At its longest step this training needs 3.0 GB of the GPU's memory, the optimizer's state included; 8.0 GB"
    assert any(text.startswith(said) for _, text in report.lines)


def test_the_peak_is_not_that_of_a_try_that_did_not_fit(
    tmp_path: Path, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Overfull(3)
    monkeypatch.setattr(memory, "peak", engine.peak)
    monkeypatch.setattr(memory, "forget_peak", engine.forget_peak, raising=False)
    _, _, report = run(tmp_path, engine, held_out=[])
    assert report.curves["memory_peak"] == {0: 2.0 * GB}, "8 and 4 clips were tried, 2 at a time fit"


def test_where_there_is_no_card_there_is_no_peak_to_forget() -> None:
    memory.forget_peak(torch.device("cpu"))


def test_an_attempt_that_goes_on_rehearses_what_is_left(tmp_path: Path, card: Card) -> None:
    with pytest.raises(Stopped):
        run(tmp_path, control=Script({9: Command.STOP}))
    asked = card.asked
    _, resumed, _ = run(tmp_path)
    assert card.asked > asked
    _, straight, _ = run(tmp_path / "straight")
    assert same(weights(resumed), weights(straight))


def test_without_a_limit_nothing_is_rehearsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*args: Any) -> int:
        raise AssertionError

    monkeypatch.setattr(memory, "peak", never)
    _, _, report = run(tmp_path, settings=dataclasses.replace(SETTINGS, steps=2))
    assert "memory_peak" not in report.curves


@pytest.mark.parametrize("micro_batch", [3, 8])
def test_the_greatest_step_is_the_one_with_the_longest_piece(micro_batch: int) -> None:
    lengths = [len(one["x"]) for one in clips(37)]
    order = DataOrder(lengths[:30], lengths[30:], 8, 0.3, 1)

    def size(batch: list[int]) -> int:
        pieces = [batch[start : start + micro_batch] for start in range(0, len(batch), micro_batch)]
        return max(len(piece) * max(lengths[index] for index in piece) for piece in pieces)

    position, sizes, places = START, [], []
    for _ in range(20):
        batch, after = order.at(position)
        sizes.append(size(batch))
        places.append(position)
        position = after
    assert greatest(order, START, 20, micro_batch) == places[sizes.index(max(sizes))]
    assert greatest(order, places[19], 1, micro_batch) == places[19]


def test_the_room_kept_for_the_optimizer_is_what_its_moments_take() -> None:
    engine = ToyEngine()
    model: ToyModel = engine.load(None)
    parameters = engine.trainable(model, None)
    optimizer = adamw(parameters, SETTINGS, model.device)
    expected = state_bytes(parameters, optimizer)
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    taken = [value for state in optimizer.state.values() for value in state.values() if value.dim()]
    assert expected == sum(value.numel() * value.element_size() for value in taken)
    assert state_bytes(parameters, optimizer) == 0
