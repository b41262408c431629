"""What a run is told, and how that follows the amount of data."""

from __future__ import annotations

import dataclasses
import json
from itertools import pairwise

import pytest
from toy_engine import INFO, LEARNING

from engines import registry
from engines.base import Adapters, LoraSettings
from engines.capabilities import Capability
from engines.errors import BadInput
from engines.training.schedule import learning_rate
from engines.training.settings import TrainSettings, overrides, plan


def test_settings_survive_json() -> None:
    settings = TrainSettings(steps=10, learning_rate=1e-4, lora=LoraSettings(rank=8, targets=("c_attn", "c_proj")))
    assert TrainSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


def test_a_first_training_follows_all_clips() -> None:
    assert plan(INFO, n_clips=10, n_new=10).steps == 100
    assert plan(INFO, n_clips=90, n_new=90).steps == 180
    assert plan(INFO, n_clips=90, n_new=90).learning_rate == LEARNING.learning_rate


def test_an_increment_follows_the_new_clips_at_a_tenth_of_the_rate() -> None:
    assert plan(INFO, n_clips=500, n_new=10, first=False).steps == 20
    assert plan(INFO, n_clips=500, n_new=90, first=False).steps == 45
    assert plan(INFO, n_clips=500, n_new=90, first=False).learning_rate == pytest.approx(0.1 * LEARNING.learning_rate)


def test_everything_can_be_set() -> None:
    settings = plan(INFO, 10, 10, True, {"steps": 7, "batch_size": 4, "patience": 0, "precision": "bf16"})
    assert (settings.steps, settings.batch_size, settings.micro_batch, settings.patience, settings.precision) == (
        7,
        4,
        4,
        0,
        "bf16",
    )
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


LORA = dataclasses.replace(
    INFO,
    capabilities=INFO.capabilities | {Capability.ADAPTS},
    learning=dataclasses.replace(LEARNING, adapters=Adapters(rate=20.0)),
)


def test_adapters_are_told_of_as_people_write_them() -> None:
    assert overrides({"lora_rank": 16, "steps": 5}, LORA) == {
        "steps": 5,
        "lora": {"rank": 16, "alpha": 32, "dropout": 0.0, "targets": []},
    }
    written = overrides(
        {"lora_rank": 8, "lora_alpha": 8, "lora_targets": ["c_attn", "c_proj"], "lora_dropout": 0.1}, LORA
    )["lora"]
    assert written == {"rank": 8, "alpha": 8, "dropout": 0.1, "targets": ["c_attn", "c_proj"]}
    assert overrides({"lora_rank": 0}, LORA, {"rank": 4, "alpha": 8}) == {"lora": None}
    assert overrides({}, LORA, {"rank": 4, "alpha": 8}) == {"lora": {"rank": 4, "alpha": 8}}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"lora_alpha": 8}, "lora_alpha has no effect without a LoRA rank"),
        ({"lora_rank": 8, "lora_beta": 1}, "no training setting named 'lora_beta'"),
        ({"lora_rank": -1}, "lora_rank must be a whole number from 0 to 1,024; -1 was given"),
        ({"lora_rank": True}, "true was given"),
        ({"lora_rank": "sixteen"}, "'sixteen' was given"),
        ({"lora_rank": 8, "lora_dropout": 2}, "lora_dropout must be a number from 0 to 0.99; 2 was given"),
        ({"lora_rank": 8, "lora_targets": [3]}, r"lora_targets must be a list of names in quotes; \[3\]"),
        ({"steps": 0}, "steps must be a whole number from 1"),
    ],
)
def test_adapters_that_cannot_be_are_a_sentence(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        overrides(options, LORA)


def test_a_training_from_the_base_has_adapters_where_they_are_what_the_engine_usually_trains() -> None:
    fish = registry.info("fish")
    usual = {"rank": 8, "alpha": 16, "dropout": 0.0, "targets": []}
    assert overrides({}, fish) == {"lora": usual}
    assert plan(fish, 10, 10, True, overrides({}, fish)).learning_rate == pytest.approx(1e-4)
    assert overrides({"lora_rank": 0}, fish) == {"lora": None}, "all of it, where somebody says so"
    assert overrides({"lora_alpha": 8}, fish)["lora"] == {**usual, "alpha": 8}
    assert overrides({"parent_share": 0.5}, fish) == {"parent_share": 0.5}, "adapters cannot be averaged"
    assert overrides({}, LORA) == {}
    assert overrides({}, registry.info("xtts")) == {}


def test_an_increment_trains_what_its_parent_did_whatever_is_usual() -> None:
    fish, parent = registry.info("fish"), {"rank": 4, "alpha": 8, "dropout": 0.0, "targets": []}
    assert overrides({}, fish, first=False) == {}, "of the parent all was trained"
    assert overrides({}, fish, parent, first=False) == {"lora": parent}
    assert overrides({"lora_dropout": 0.1}, fish, parent, first=False)["lora"] == {**parent, "dropout": 0.1}
    assert overrides({"lora_dropout": 0.1}, fish, first=False)["lora"]["rank"] == 8


def test_an_engine_without_adapters_says_so() -> None:
    with pytest.raises(BadInput, match="has no adapters"):
        overrides({"lora_rank": 8}, INFO)


def test_adapters_learn_at_a_rate_of_their_own() -> None:
    assert plan(LORA, 10, 10, True, {"lora": {"rank": 8}}).learning_rate == pytest.approx(20 * LEARNING.learning_rate)
    assert plan(LORA, 10, 10, True, {"lora": None}).learning_rate == LEARNING.learning_rate


@pytest.mark.unit
@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({"steps": 300, "eval_every": 10}, (100, 200, 300)),
        ({"steps": 100, "eval_every": 10}, (30, 70, 100)),  # measured ones
        ({"steps": 10, "eval_every": 50}, (10,)),
        ({"steps": 300, "eval_every": 10, "spoken_checkpoints": 0}, ()),
        ({"steps": 300, "eval_every": 10, "spoken_checkpoints": 1}, (300,)),
    ],
)
def test_spaced_steps(settings: dict[str, int], steps: tuple[int, ...]) -> None:
    assert TrainSettings(learning_rate=1e-3, **settings).spaced() == steps  # type: ignore[arg-type]
