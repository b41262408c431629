"""Sparkline, histogram and bar, tested on the picture."""

from __future__ import annotations

import math
from textwrap import dedent

import pytest

from tui.drawing.bars import bar, histogram, sparkline

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([], ""),
        ([1, 2, 3, math.nan, 9], "▁▂▃·█"),
        ([5, 5], "▁▁"),
        ([math.nan], "·"),
        ([9, 9, 0, 50, 100], "▁▅█"),  # three columns: the newest three
    ],
)
def test_a_sparkline_shows_the_newest_values_between_their_ends(values: list[float], drawn: str) -> None:
    assert sparkline(values, 3 if len(values) == 5 and values[-1] == 100 else 5) == drawn


def test_a_sparkline_with_fixed_ends_does_not_exaggerate() -> None:
    assert sparkline([50, 51], 5, 0, 100) == "▅▅"


@pytest.mark.parametrize(
    ("part", "drawn"), [(0, "    "), (1e-9, "▏   "), (0.5, "██  "), (0.9999, "███▉"), (1, "████"), (math.nan, "    ")]
)
def test_a_bar_is_empty_only_at_nothing_and_full_only_at_all(part: float, drawn: str) -> None:
    assert bar(part, 4) == drawn


def test_a_histogram_counts_and_says_the_median_and_what_is_unknown() -> None:
    values = [1.0] * 4 + [2.0] * 2 + [4.0] + [math.nan]
    drawn = histogram(values, 38, 6, "duration", "s").text
    assert drawn == dedent("""
        duration  median 1 s of 7 · 1 unknown
        4┤█
         │█           ▄
        0┤█           █                      ▆
         └────────────┬──────────────────────┬
                      2                      4
    """).strip("\n")


def test_a_histogram_of_one_value_or_none_is_drawn_too() -> None:
    assert "█" in histogram([3.0] * 7, 40, 6).text
    assert histogram([], 40, 6).text.strip() == "Nothing to count."
    assert histogram([math.nan], 40, 6).text.strip() == "Nothing to count."


@pytest.mark.parametrize(("width", "height"), [(12, 4), (40, 6), (198, 40)])
def test_a_histogram_fits_every_size(width: int, height: int) -> None:
    picture = histogram([math.sqrt(n) for n in range(500)], width, height, "duration", "s")
    assert [sum(len(text) for text, _ in row) for row in picture.rows] == [width] * height
