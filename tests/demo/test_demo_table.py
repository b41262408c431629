"""The table that the demo prints at its end."""

from __future__ import annotations

import pytest

from demo.run import arrow

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("lower", "nearer_one", "sign"), [(True, False, "↓"), (False, False, "↑"), (False, True, "≈1"), (True, True, "≈1")]
)
def test_each_metric_says_which_way_it_is_better(lower: bool, nearer_one: bool, sign: str) -> None:
    """Of a duration ratio neither high nor low is best, but 1."""
    assert arrow({"lower_is_better": lower, "nearer_one_is_better": nearer_one}) == sign
