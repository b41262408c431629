"""What people may have an experiment try of a setting, and what they are told of what they may not."""

from __future__ import annotations

import json
import math

import pytest

from engines.errors import BadInput
from engines.training import space
from engines.training.space import Choices, Range

pytestmark = pytest.mark.unit


def test_values_and_ranges_are_read_kept_and_written() -> None:
    found = space.read({"lora_rank": "8, 16,32", "learning_rate": "1e-5..1e-4", "steps": "100..400"})
    assert found == {
        "lora_rank": Choices((8, 16, 32)),
        "learning_rate": Range(1e-5, 1e-4, whole=False, log=True),
        "steps": Range(100, 400, whole=True, log=False),
    }
    assert space.from_json(json.loads(json.dumps(space.to_json(found)))) == found
    assert {name: str(one) for name, one in found.items()} == {
        "lora_rank": "8,16,32", "learning_rate": "1e-05..0.0001", "steps": "100..400",
    }  # fmt: skip


def test_how_many_different_trials_there_can_be() -> None:
    assert space.combinations(space.read({"precision": "fp32,bf16", "steps": "1..5"})) == 10
    assert space.combinations(space.read({"learning_rate": "1e-5..1e-4"})) == math.inf


def test_the_corners_are_what_has_to_be_allowed() -> None:
    corners = list(space.corners(space.read({"steps": "10,30,20", "precision": "fp32,bf16"})))
    assert corners == [{"steps": steps, "precision": precision} for steps in (10, 30) for precision in ("fp32", "bf16")]


def test_numbers_of_a_range_are_readable_and_stay_in_it() -> None:
    one = Range(1.2345e-5, 9.8765e-5, whole=False, log=False)
    assert one.rounded(3.14159e-5) == 3.14e-5
    assert (one.rounded(1.2346e-5), one.rounded(9.8764e-5)) == (1.2345e-5, 9.8765e-5)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"lora_rnk": "8,16"}, "There is no training setting named 'lora_rnk'."),
        ({"steps": "5..2"}, "The range of steps ends where it begins or before: '5..2' was given."),
        ({"precision": "fp32..bf16"}, 'precision has no range: it must be "fp32" or "bf16".'),
        ({"steps": "100,ten"}, "'ten' was given."),
        ({"steps": "0..5"}, "steps must be a whole number from 1 to 10,000,000; 0 was given."),
        ({"learning_rate": "1e-5.."}, "learning_rate must be a number from 1e-12 to 10"),
        ({"lora_rank": "8,8"}, "lora_rank has a value twice"),
        ({"lora_targets": "a,b"}, "lora_targets is a list"),
        ({"seed": "1,2"}, "The seed is nothing to search"),
        ({"steps": "100"}, "An experiment needs something to choose between."),
        ({}, "An experiment needs something to choose between."),
        (dict.fromkeys("abcdefg", "1,2"), "7 settings are too many for one experiment."),
    ],
)
def test_what_cannot_be_searched_is_refused_with_a_sentence(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(BadInput) as refused:
        space.read(given)
    assert sentence in str(refused.value)
    assert refused.value.hint
