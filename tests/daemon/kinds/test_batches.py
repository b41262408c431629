"""Sound of a batch, foreseen without an engine, beside the batches that a training makes."""

from __future__ import annotations

import random

import pytest

from daemon.kinds.train.batches import ENOUGH, padded
from engines.training.data import DataOrder

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(("clips", "size"), [(1, 8), (7, 8), (12, 12), (14, 8), (20, 12), (36, 8), (200, 12)])
def test_it_is_as_long_as_the_batches_of_a_training(clips: int, size: int) -> None:
    lengths = _lengths(clips)
    assert padded(lengths, clips, size) == pytest.approx(_made(lengths, size), rel=0.02)


def test_of_many_clips_some_are_enough() -> None:
    lengths = _lengths(3_000)
    assert padded(lengths[:ENOUGH], 3_000, 12) == pytest.approx(_made(lengths, 12), rel=0.05)


def test_an_epoch_of_part_of_the_clips_has_batches_of_its_own_size() -> None:
    assert padded([4.0] * 100, 20, 12) == pytest.approx(40.0)


def test_nothing_is_nothing() -> None:
    assert padded([], 5, 8) == padded([4.0], 0, 8) == 0.0


def _lengths(count: int) -> list[float]:
    chance = random.Random(count)
    return [chance.uniform(2.0, 9.0) for _ in range(count)]


def _made(lengths: list[float], size: int) -> float:
    order = DataOrder([round(length * 100) for length in lengths], [], size, 0.5, 0)
    made = [max(lengths[clip] for clip in batch) * len(batch) for epoch in range(10) for batch in order.epoch(epoch)]
    return sum(made) / len(made)
