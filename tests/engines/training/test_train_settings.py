"""What a run is told, and how that follows the amount of data."""

from __future__ import annotations

import dataclasses
import json
from itertools import pairwise

import pytest
from toy_engine import INFO

from engines.base import LoraSettings
from engines.errors import BadInput
from engines.training.schedule import learning_rate
from engines.training.settings import TrainSettings, plan


def test_settings_survive_json() -> None:
    settings = TrainSettings(steps=10, learning_rate=1e-4, lora=LoraSettings(rank=8, targets=("c_attn", "c_proj")))
    assert TrainSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


def test_a_first_training_follows_all_clips() -> None:
    assert plan(INFO, n_clips=10, n_new=10).steps == 100
    assert plan(INFO, n_clips=90, n_new=90).steps == 180
    assert plan(INFO, n_clips=90, n_new=90).learning_rate == INFO.learning_rate


def test_an_increment_follows_the_new_clips_at_a_tenth_of_the_rate() -> None:
    assert plan(INFO, n_clips=500, n_new=10, first=False).steps == 20
    assert plan(INFO, n_clips=500, n_new=90, first=False).steps == 45
    assert plan(INFO, n_clips=500, n_new=90, first=False).learning_rate == pytest.approx(0.1 * INFO.learning_rate)


def test_everything_can_be_set() -> None:
    settings = plan(INFO, 10, 10, True, {"steps": 7, "batch_size": 4, "patience": 0, "precision": "bf16"})
    assert (settings.steps, settings.batch_size, settings.micro_batch, settings.patience, settings.precision) == (7, 4, 4, 0, "bf16")
    assert settings.warmup < 7


@pytest.mark.parametrize("steps", [1, 5, 60, 150, 2000, 50_000])
def test_every_plan_measures_and_saves_on_the_way(steps: int) -> None:
    settings = plan(INFO, 10, 10, True, {"steps": steps})
    assert settings.eval_every <= max(5, steps // 5)
    assert settings.checkpoint_every <= 500


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"steps": "many"},
        {"steps": True},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"learning_rate": None},
        {"micro_batch": 0},
        {"warmup": -1},
        {"precision": "fp8"},
        {"old_clip_share": 1.0},
        {"stepz": 3},
    ],
)
def test_a_wrong_setting_is_refused_with_a_sentence_and_a_way_out(wrong: dict[str, object]) -> None:
    with pytest.raises(BadInput) as caught:
        TrainSettings.from_json({"steps": 10, "learning_rate": 1e-3, **wrong})
    assert str(caught.value).endswith(".")
    assert caught.value.hint
    with pytest.raises(BadInput):
        plan(INFO, 10, 10, True, wrong)


def test_the_rate_warms_up_and_falls_to_zero_at_the_runs_own_end() -> None:
    settings = TrainSettings(steps=100, learning_rate=1.0, warmup=10)
    rates = [learning_rate(step, settings) for step in range(1, 101)]
    assert rates[:10] == pytest.approx([n / 10 for n in range(1, 11)])
    assert rates[10] == 1.0
    assert all(a >= b for a, b in pairwise(rates[9:]))
    assert 0 < rates[-1] < 0.001


@pytest.mark.parametrize("warmup", [0, 1, 2])
def test_the_shortest_run_has_a_rate(warmup: int) -> None:
    settings = TrainSettings(steps=1, learning_rate=1.0, warmup=warmup)
    assert 0 < learning_rate(1, settings) <= 1
    assert 0 < learning_rate(1, dataclasses.replace(settings, warmup=0)) <= 1
