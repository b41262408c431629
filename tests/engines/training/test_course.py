"""The course of a training, of made curves with noise: still falling, standing still, learned by heart."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from engines.training.course import Course, Measured, Shape, course, gap, hint, measured, sentence

Curve = Callable[[float], float]  # of 0…1 of the run


def falling(x: float) -> float:
    return 2.0 - 0.8 * x


def settled(x: float) -> float:
    return 1.0 + math.exp(-12 * x)


def by_heart(x: float) -> float:
    return 1.0 + math.exp(-12 * x) + 0.35 * max(0.0, x - 0.3)


def flat(x: float) -> float:
    return 1.5


def learned(x: float) -> float:
    return 1.6 * math.exp(-2 * x) + 0.2


def rising(x: float) -> float:
    return 1.5 + 0.8 * x


def made(held_out: Curve, trained: Curve = learned, *, seed: int = 0, noise: float = 0.0, count: int = 24) -> Course:
    random = Random(seed)
    rows = []
    for index in range(count):
        x = index / (count - 1)
        loss = held_out(x) * (1 + random.gauss(0, noise))
        rows.append(Measured(50 * index, loss, trained(x) * (1 + random.gauss(0, 2 * noise)) if index else None))
    return course(rows)


KINDS = [
    (falling, learned, Shape.FALLING),
    (settled, learned, Shape.PLATEAU),
    (by_heart, learned, Shape.OVERTRAINED),
    (rising, rising, Shape.DIVERGED),
    (flat, flat, Shape.NO_GAIN),
]


@pytest.mark.parametrize(("held_out", "trained", "shape"), KINDS)
def test_a_clean_curve_is_what_it_is(held_out: Curve, trained: Curve, shape: Shape) -> None:
    assert made(held_out, trained).shape is shape


@pytest.mark.parametrize(("held_out", "trained", "shape"), KINDS)
def test_noise_seldom_hides_it(held_out: Curve, trained: Curve, shape: Shape) -> None:
    told = Counter(made(held_out, trained, seed=seed, noise=0.01).shape for seed in range(200))
    assert told[shape] >= 190, told


@pytest.mark.parametrize("count", [8, 12, 24, 60])
@pytest.mark.parametrize("held_out", [falling, settled, flat])
def test_noise_alone_is_seldom_called_learned_by_heart(held_out: Curve, count: int) -> None:
    told = Counter(made(held_out, seed=seed, noise=0.02, count=count).shape for seed in range(200))
    assert told[Shape.OVERTRAINED] + told[Shape.DIVERGED] <= 10, told


def test_by_how_much_and_since_when_is_told_in_numbers_and_words() -> None:
    found = made(by_heart)
    assert 250 <= found.since <= 450
    assert found.rose == pytest.approx(18, abs=4)
    assert found.fell is not None
    assert found.fell > 50
    assert found.gap is not None
    assert found.gap_since is not None
    assert found.gap > found.gap_since
    assert sentence(found).startswith(
        f"From step {found.since} on it learned its clips by heart: held-out loss rose by 1"
    )
    assert "while training loss fell by" in sentence(found)
    assert hint(found) == "Fewer steps, or more recordings, do better."


def test_a_plateau_says_how_many_steps_gained_nothing() -> None:
    found = made(settled)
    assert 250 <= found.since <= 600
    idle = 1_150 - found.since
    assert (
        sentence(found) == f"Held-out loss stood still from step {found.since} on: {idle} of 1150 steps gained nothing."
    )


def test_the_gap_to_training_loss_is_told_in_words() -> None:
    assert gap(Course(Shape.OVERTRAINED, 40, 90, gap=0.512, gap_since=0.1)) == (
        "At the end held-out loss lies 0.512 above training loss, 0.1 above it at step 40."
    )
    assert gap(Course(Shape.FALLING, 0, 90, gap=-0.02)) == "At the end held-out loss lies 0.02 below training loss."
    assert (
        gap(Course(Shape.NO_GAIN, 0, 90, gap=0.3, gap_since=0.2))
        == "At the end held-out loss lies 0.3 above training loss."
    )
    assert gap(Course(Shape.PLATEAU, 40, 90)) == ""


def test_too_few_measurements_say_nothing() -> None:
    found = made(rising, count=5)
    assert (found.shape, sentence(found), gap(found), hint(found)) == (Shape.TOO_SHORT, "", "", "")
    assert course([]).shape is Shape.TOO_SHORT


def test_losses_below_zero_are_told_the_same() -> None:
    """Log-likelihoods: the level is no floor."""
    assert made(lambda x: by_heart(x) - 4).shape is Shape.OVERTRAINED
    assert made(lambda x: falling(x) - 4).shape is Shape.FALLING


def test_one_freak_value_is_no_best_to_rise_from() -> None:
    def freak(x: float) -> float:
        return 0.5 if 0.29 < x < 0.32 else settled(x)

    assert made(freak, noise=0.005).shape is Shape.PLATEAU


def test_a_course_is_kept_and_read_again() -> None:
    found = made(by_heart)
    assert Course.from_json(found.to_json()) == found
    assert Course.from_json({}) is None
    assert Course.from_json({**found.to_json(), "shape": "of a newer Myna"}) is None


def test_rows_of_a_run_become_measurements() -> None:
    rows = [
        {"step": 0, "held_out": {"loss": 2.0}, "train": {}},
        {"step": 5, "held_out": {"loss": math.nan}, "train": {"loss": 1.0}},
        {"step": 10, "held_out": {"loss": 1.5}, "train": {"loss": 1.2}},
        {"step": 15, "held_out": {"mel_ce": 1.5}, "train": {}},
    ]
    assert measured(rows) == [Measured(0, 2.0, None), Measured(10, 1.5, 1.2)]
