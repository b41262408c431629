"""An increment that is averaged with its parent."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from engines.base import TrainableModel
from engines.errors import BadInput
from engines.glow.info import INFO as GLOW
from engines.training import averaging, settings
from engines.xtts.info import INFO as XTTS


def model(value: float) -> TrainableModel:
    module: Any = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    for parameter in module.parameters():
        torch.nn.init.constant_(parameter, value)
    return cast(TrainableModel, SimpleNamespace(module=module))


def test_weights_move_by_the_parents_share() -> None:
    mine = model(1.0)
    averaging.average(mine, model(5.0).module.state_dict(), 0.25)
    assert all(torch.equal(one, torch.full_like(one, 2.0)) for one in mine.module.parameters())


def test_what_is_no_number_with_a_point_stays_its_own() -> None:
    mine, parent = model(1.0), model(1.0)
    cast(Any, mine.module)[1].num_batches_tracked.fill_(7)
    averaging.average(mine, parent.module.state_dict(), 0.5)
    assert cast(Any, mine.module)[1].num_batches_tracked == 7


def test_a_parent_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="another shape"):
        averaging.average(model(1.0), torch.nn.Linear(2, 4).state_dict(), 0.5)


def test_an_increment_that_is_averaged_is_trained_as_a_first_one() -> None:
    first = settings.plan(GLOW, 150, 150, True)
    later = settings.plan(GLOW, 150, 30, False)
    assert later.parent_share == 0.5
    assert first.parent_share == 0
    assert later.learning_rate == first.learning_rate
    assert (first.steps, later.steps) == (75, 75)


def test_one_on_top_of_its_parent_is_trained_gently() -> None:
    on_top = settings.plan(GLOW, 150, 30, False, {"parent_share": 0.0})
    assert on_top.learning_rate == pytest.approx(0.1 * settings.plan(GLOW, 150, 150, True).learning_rate)
    assert settings.plan(XTTS, 150, 30, False).parent_share == 0


def test_adapters_are_not_averaged() -> None:
    with pytest.raises(BadInput, match="Adapters cannot be averaged"):
        settings.overrides({"lora_rank": 4, "parent_share": 0.5}, XTTS)
    assert (
        settings.plan(GLOW, 9, 9, False, {"lora": {"rank": 4, "alpha": 8, "dropout": 0.0, "targets": []}}).parent_share
        == 0
    )


def test_a_first_training_says_of_itself_that_it_was_not_averaged() -> None:
    assert settings.plan(GLOW, 150, 150, True, {"parent_share": 0.25}).parent_share == 0
