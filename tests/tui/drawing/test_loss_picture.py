"""The loss chart, tested on the picture: what a person sees is what is asserted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from textwrap import dedent
from typing import Any

import pytest

from tui.drawing.braille import Stroke
from tui.drawing.line_chart import Best, Chart, Line, View, draw
from tui.drawing.points import LIMIT, Points

pytestmark = pytest.mark.unit
NAN, INF = math.nan, math.inf


def train(steps: Sequence[float], values: Sequence[float]) -> Line:
    return Line("train", Points(steps, values))


def seen(*lines: Line, width: int = 40, height: int = 9, best: Best | None = None, **view: Any) -> str:
    picture, _ = draw(Chart("loss", lines, best, View(**view)), width, height)
    assert {sum(len(text) for text, _ in row) for row in picture.rows} == {width}
    assert len(picture.rows) == height
    return picture.text


def picture(drawn: str) -> str:
    return dedent(drawn).strip("\n")


def test_a_line_with_round_ticks() -> None:
    line = train(range(101), [step / 10 for step in range(101)])
    assert seen(line) == picture("""
        loss
        ⠒⠒ train 10
        10┤                              ⣀⣠⠤⠴⠒⠚⠉
          │                      ⣀⣀⡤⠤⠖⠒⠋⠉⠁
         5┤              ⢀⣀⣠⠤⠴⠒⠋⠉⠁
          │      ⢀⣀⣠⠤⠴⠒⠚⠉⠉
         0┤⣀⡤⠤⠖⠒⠋⠉
          └┬─────────────────┬─────────────────┬
           0                50               100
    """)


def test_without_points_it_says_so() -> None:
    assert seen(train([], [])).split() == ["loss", "No", "points", "yet."]
    assert seen().split() == ["loss", "No", "points", "yet."]


def test_one_point_is_a_mark_in_the_middle() -> None:
    assert seen(train([7], [0.5])) == picture("""
        loss
        ⠒⠒ train 0.5
           │
           │
        0.5┤                 •⣤
           │
           │
           └┬────────────────┬─────────────────┬
            6                7                 8
    """)


@pytest.mark.parametrize("value", [2.5, 0.0, -3.0, 1e-9, 123456.0])
def test_a_constant_is_a_level_line_in_the_middle_with_its_value(value: float) -> None:
    rows = seen(train(range(10), [value] * 10)).splitlines()
    label, axis, line = rows[4].partition("┤")
    assert axis
    assert set(line[:-1]) == {"⠤"}
    assert float(label.replace("k", "e3")) == pytest.approx(value, rel=1e-3)
    assert all(row.endswith("│") for row in rows[2:4] + rows[5:7])


def test_what_is_no_number_is_a_gap_and_is_counted() -> None:
    line = train(range(0, 100, 5), [NAN if 30 < step < 60 else 1 + step / 100 for step in range(0, 100, 5)])
    assert seen(line) == picture("""
        loss · 5 not a number
        ⠒⠒ train 1.95
           │                             ⣀⣀⡤⠴⠒⠚⠉
           │                      ⢀⣠⠤⠖⠒⠋⠉⠁
        1.5┤
           │      ⢀⣀⣠⠤⠴⠂
        1.0┤⣀⡤⠤⠖⠚⠉⠉
           └┬─────────────────┬─────────────────
            0                50             step
    """)


def test_a_number_alone_between_infinities_can_be_seen() -> None:
    assert seen(train([0, 1, 2, 3, 4], [1, INF, 3, -INF, 2])).count("⠛") == 1


@pytest.mark.parametrize("value", [NAN, INF, -INF, 1.7e308])
def test_nothing_but_no_numbers_is_said_in_words(value: float) -> None:
    assert "None of the 3 values is a number." in seen(train([0, 1, 2], [value] * 3))


def test_a_logarithm_makes_a_decay_a_straight_line() -> None:
    assert seen(train([0, 10, 20, 30], [1000, 100, 10, 1]), log_y=True) == picture("""
        loss · log
        ⠒⠒ train 1
           │⠉⠓⠒⠦⢤⣀⣀
        100┤      ⠈⠉⠙⠒⠲⠤⣄⣀⡀
           │              ⠉⠉⠓⠲⠤⢤⣀⣀
           │                     ⠈⠉⠙⠒⠦⠤⣄⣀⡀
          1┤                             ⠉⠉⠓⠲⠤⢤⣀
           └┬──────────────────────┬────────────
            0                     20        step
    """)


def test_a_logarithm_says_how_many_values_it_cannot_show() -> None:
    drawn = seen(train([0, 10, 20, 30], [1000, -1, 0, 1]), log_y=True)
    assert "log · 2 not above 0, not shown" in drawn
    assert "⠒" not in drawn.splitlines()[3], "no line leads over the gap"
    assert "No value is above 0: no logarithm." in seen(train([0, 10], [-1, 0]), log_y=True)


def test_a_resumed_run_tells_some_steps_twice_and_the_later_value_is_drawn() -> None:
    points = Points([0, 10, 20, 30, 40], [4, 3, 2, 9, 9])
    points.extend([30, 40, 50], [2, 1, 1])
    assert seen(Line("train", points)) == picture("""
        loss
        ⠒⠒ train 1
        4┤⠙⠒⠦⣄⡀
         │    ⠉⠙⠲⢤⣀⡀
         │         ⠉⠓⠦⢤⣀
        2┤             ⠈⠉⠓⠒⠒⠒⠒⠒⠒⠒⠲⢤⣀⡀
         │                          ⠉⠓⠦⢤⣀⣀⣀⣀⣀⣀⣀⣀
         └┬──────────────┬──────────────┬───────
          0             20             40   step
    """)


def test_two_lines_are_told_apart_without_colours_and_the_best_is_marked() -> None:
    held_out = Line("held-out", Points([0, 2, 4], [5, 4, 4.5]), Stroke.DASHED, "series-2", marks=True)
    assert seen(train(range(5), [5, 4, 3, 2, 1]), held_out, best=Best(2, 4), width=60) == picture("""
        loss
        ⠒⠒ train 1  ⠒⠂• held-out 4.5  ★ best 4 at 2
         │•⠙⠒⠓⠲⠴⠶⢦⣐⣦⣀⠤⠤ ⠤⡄⢀⣀⡀⢀⣀⡀                      ⣀⡀⢀⣀⡀⢀⣀⡀⢀⣀⡀⢀⡤•
        4┤          ⠈⠉⠉⠙⠒⠒⠲⠤⠤⢤⣀⣀⣉⠉ ⠉⠉⠐★⠂⠐⠒⠋ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠁
         │                      ⠈⠉⠉⠙⠒⠒⠲⠤⠤⠤⣄⣀⣀⡀
        2┤                                   ⠉⠉⠉⠓⠒⠒⠦⠤⠤⣄⣀⣀⡀
         │                                               ⠉⠉⠉⠓⠒⠒⠦⠤⠤⣄⣀
         └┬───────────────────────────┬────────────────────────────┬
          0                           2                            4
    """)


def test_smoothing_draws_a_calm_line_over_the_faint_raw_points() -> None:
    line = train(range(200), [10.0 * (step % 2) for step in range(200)])
    picture, _ = draw(Chart("loss", [line], view=View(smoothing=0.9)), 40, 9)
    assert "smoothed 0.9" in picture.text
    column = [[role for text, role in row for _ in text][30] for row in picture.rows[2:7]]
    raw = "series-1-raw"
    assert column == [raw, raw, "series-1", raw, raw], "the mean of 0 and 10 is a level line in the middle"


def test_a_single_spike_among_a_thousand_points_is_seen() -> None:
    values = [1.0] * 1000
    values[500] = 50
    spiked = [row[21] for row in seen(train(range(1000), values)).splitlines()[2:7]]
    assert spiked == ["⣿"] * 5


def test_a_million_points_are_few_and_keep_their_spike_and_their_ends() -> None:
    values = [1.0] * 1_000_000
    values[700_001] = 99
    points = Points(range(1_000_000), values)
    assert len(points) <= LIMIT
    assert max(points.values) == 99
    assert points.steps[0] == 0
    assert points.steps[-1] > 999_000
    assert "1.0M" in seen(Line("train", points))


def test_points_that_keep_coming_never_pile_up() -> None:
    points = Points()
    for start in range(0, 100_000, 100):
        points.extend(range(start, start + 100), [float(start)] * 100)
    assert len(points) <= LIMIT
    assert points.values[-1] == 99_900


def test_a_zoomed_view_shows_its_steps_and_scales_to_its_values() -> None:
    assert seen(train(range(1001), list(range(1001))), first=500, last=600) == picture("""
        loss
        ⠒⠒ train 600
        600┤                             ⣀⣀⡤⠴⠒⠚⠉
           │                     ⢀⣀⣠⠤⠖⠒⠋⠉⠁
        550┤              ⣀⣀⡤⠤⠖⠚⠉⠉
           │      ⢀⣀⣠⠤⠴⠒⠋⠉⠁
        500┤⣀⡤⠤⠖⠚⠉⠉
           └┬────────────────┬─────────────────┬
           500              550              600
    """)


def test_a_view_between_two_points_shows_the_line_that_passes_through() -> None:
    between = seen(train([0, 1000], [0, 1000]), first=400, last=600).splitlines()
    assert [row[:4] for row in between[2:7]] == ["600┤", "   │", "500┤", "   │", "400┤"]
    assert between[2].endswith("⠉")
    assert "No points between these steps." in seen(train([0, 10], [1, 1]), first=2000, last=3000)


def test_the_cursor_reads_the_values_of_its_step() -> None:
    drawn = seen(train([0, 10, 20, 30], [3, 2, 1, 4]), cursor=20).splitlines()
    assert drawn[1] == "step 20  ⠒⠒ train 1"
    assert drawn[3][27] == "│"


def test_a_low_chart_gives_its_rows_to_the_lines() -> None:
    assert seen(train([0, 10, 20, 30], [1000, 100, 10, 1]), width=30, height=4) == picture("""
        loss  ⠒⠒ train 1
        1000┤⠙⠒⠦⣄⣀
           0┤    ⠈⠉⠓⠦⠤⠤⠤⣄⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀
             0              20    step
    """)


def test_a_narrow_legend_keeps_every_name() -> None:
    lines = [Line(name, Points([0, 1], [0.123456, 0.234567])) for name in ("train", "held-out")]
    assert seen(*lines, best=Best(1, 0.2345)).splitlines()[1] == "⠒⠒ train  ⠒⠒ held-out  ★ best 0.2345"


@pytest.mark.parametrize(("width", "height"), [(16, 4), (17, 5), (40, 7), (78, 22), (198, 48)])
def test_it_fits_every_size(width: int, height: int) -> None:
    lines = (
        train(range(500), [1 / (1 + step) for step in range(500)]),
        Line("held-out", Points([0, 250], [1, 0.1]), marks=True),
    )
    for log_y in (False, True):
        seen(*lines, width=width, height=height, best=Best(250, 0.1), log_y=log_y, smoothing=0.6, cursor=99)
