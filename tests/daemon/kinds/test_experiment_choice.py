"""Optuna is asked so that the same history gives the same settings, and no settings come twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.kinds.experiment.worker import choose
from engines.training import space
from proto import worker_pb2 as wire

pytestmark = pytest.mark.unit

SPACE = space.read({"lora_rank": "8,16,32", "learning_rate": "1e-5..1e-4"})


def outcome(settings: dict[str, Any], score: float | None) -> wire.TrialOutcome:
    known = wire.TrialOutcome.SCORED if score is not None else wire.TrialOutcome.PRUNED
    return wire.TrialOutcome(settings_json=json.dumps(settings), outcome=known, score=score or 0.0)


def course(tried: space.Space, count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Settings trial by trial, where a score is what the first number comes to; each fourth trial gains nothing."""
    before: list[wire.TrialOutcome] = []
    chosen = []
    for number in range(1, count + 1):
        settings = choose(tried, before, seed, number, count)
        chosen.append(settings)
        before.append(outcome(settings, None if number % 4 == 0 else float(next(iter(settings.values())))))
    return chosen


def test_the_same_history_gives_the_same_settings_and_another_seed_others() -> None:
    first = course(SPACE, 12)
    assert course(SPACE, 12) == first
    assert course(SPACE, 12, seed=1) != first
    for one in first:
        assert list(one) == ["lora_rank", "learning_rate"]
        assert one["lora_rank"] in (8, 16, 32)
        assert 1e-5 <= one["learning_rate"] <= 1e-4
        assert one["learning_rate"] == float(f"{one['learning_rate']:.3g}")


def test_no_settings_come_twice_until_all_were_tried() -> None:
    small = space.read({"steps": "10,20,30", "precision": "fp32,bf16"})
    chosen = course(small, 6)
    assert len({json.dumps(one) for one in chosen}) == 6


def test_it_learns_from_scores() -> None:
    """Where a high rank is best, more of the later trials have it than chance would give."""
    later = course(SPACE, 40)[15:]
    assert sum(one["lora_rank"] == 32 for one in later) > len(later) / 2


def test_every_kind_of_outcome_can_be_told() -> None:
    before = [
        outcome({"lora_rank": 8, "learning_rate": 2e-5}, 0.4),
        outcome({"lora_rank": 16, "learning_rate": 2e-5}, None),
        wire.TrialOutcome(
            settings_json='{"lora_rank": 16, "learning_rate": 3e-5}', outcome=wire.TrialOutcome.PRUNED, early=0.2
        ),
        wire.TrialOutcome(settings_json='{"lora_rank": 32, "learning_rate": 2e-5}', outcome=wire.TrialOutcome.FAILED),
    ]
    assert choose(SPACE, before, 0, 5, 12)["lora_rank"] in (8, 16, 32)
