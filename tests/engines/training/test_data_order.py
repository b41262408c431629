"""The order in which clips are seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_engine import ToyEngine, clips

from engines.training.data import START, DataOrder, Position
from engines.training.feed import Feed

lengths = st.lists(st.integers(10, 900), min_size=1, max_size=300)


@given(lengths, st.integers(1, 40), st.integers(0, 5), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_each_clip_comes_once_an_epoch_and_no_batch_is_too_large(
    new: list[int], batch_size: int, seed: int, epoch: int
) -> None:
    batches = DataOrder(new, [], batch_size, 0.5, seed).epoch(epoch)
    assert sorted(clip for batch in batches for clip in batch) == list(range(len(new)))
    assert all(1 <= len(batch) <= batch_size for batch in batches)


@given(lengths, lengths, st.floats(0, 0.9), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_an_increment_has_all_new_clips_and_its_share_of_old_ones_in_every_epoch(
    new: list[int], old: list[int], share: float, epoch: int
) -> None:
    seen = [clip for batch in DataOrder(new, old, 8, share, 1).epoch(epoch) for clip in batch]
    assert len(set(seen)) == len(seen)
    assert set(range(len(new))) <= set(seen)
    assert len(seen) - len(new) == min(len(old), round(len(new) * share / (1 - share)))


def test_old_clips_take_turns_so_that_none_is_forgotten() -> None:
    order = DataOrder([50] * 10, [50] * 35, 8, 0.5, 0)
    turns = [{clip for batch in order.epoch(epoch) for clip in batch if clip >= 10} for epoch in range(7)]
    assert turns[0].isdisjoint(turns[1])
    counts = np.bincount([clip - 10 for turn in turns for clip in turn], minlength=35)
    assert set(counts) == {2}


def test_epochs_differ_and_seeds_differ_and_both_can_be_had_again() -> None:
    lengths = list(range(100, 200))
    a = DataOrder(lengths, [], 8, 0.0, 1)
    assert a.epoch(0) != a.epoch(1)
    assert a.epoch(0) != DataOrder(lengths, [], 8, 0.0, 2).epoch(0)
    assert a.epoch(5) == DataOrder(lengths, [], 8, 0.0, 1).epoch(5)


def test_a_position_is_all_that_is_needed_to_go_on() -> None:
    lengths = list(range(100, 150))
    walked, position = [], Position()
    order = DataOrder(lengths, [], 8, 0.0, 1)
    for _ in range(30):
        batch, position = order.at(position)
        walked.append(batch)
    position = Position()
    for expected in walked:
        batch, position = DataOrder(lengths, [], 8, 0.0, 1).at(position)
        assert batch == expected


@pytest.mark.parametrize("n_clips", [60, 1000])
def test_batches_hold_clips_of_like_length(n_clips: int) -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(80, 1000, n_clips)

    def padding(batches: list[list[int]]) -> float:
        padded = sum(len(batch) * max(lengths[batch]) for batch in batches)
        return 1 - lengths.sum() / padded

    bucketed = padding(DataOrder(lengths.tolist(), [], 12, 0.0, 0).epoch(0))
    shuffled = padding([part.tolist() for part in np.array_split(rng.permutation(n_clips), n_clips // 12)])
    assert bucketed < 0.15 < 0.3 < shuffled


def test_a_small_set_does_not_form_the_same_batches_every_epoch() -> None:
    order = DataOrder(list(range(100, 140)), [], 8, 0.0, 0)
    assert {frozenset(batch) for batch in order.epoch(0)} != {frozenset(batch) for batch in order.epoch(1)}


def test_other_data_is_told_apart() -> None:
    prints = {
        DataOrder([1, 2, 3], [], 2, 0.5, 0).fingerprint(),
        DataOrder([1, 2, 4], [], 2, 0.5, 0).fingerprint(),
        DataOrder([1, 2], [3], 2, 0.5, 0).fingerprint(),
        DataOrder([1, 2, 3], [], 3, 0.5, 0).fingerprint(),
        DataOrder([1, 2, 3], [], 2, 0.5, 1).fingerprint(),
    }
    assert len(prints) == 5


class Hearing(ToyEngine):
    """Hears another clip before each, one for two clips."""

    clips_per_prompt = 2


@pytest.mark.parametrize(("kind", "prompts"), [(ToyEngine, 0), (Hearing, 6)])
def test_only_an_engine_that_hears_prompts_is_given_some(
    kind: type[ToyEngine], prompts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int] = []
    collate = kind.collate
    monkeypatch.setattr(
        kind, "collate", lambda self, features, heard=(): given.append(len(heard)) or collate(self, features)
    )
    Feed(kind(), clips(6), DataOrder([1] * 6, [], 6, 0.0, 0)).step(START, 6)
    assert given == [prompts]
