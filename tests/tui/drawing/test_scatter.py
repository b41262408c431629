"""Trials as a picture: where each stands, the front, and what the axes say."""

from __future__ import annotations

import pytest

from tui.drawing.scatter import Mark, scatter

pytestmark = pytest.mark.unit

MARKS = [
    Mark(1_000, 0.5, "1", "best", on_front=True),
    Mark(4_000, 1.0, "2", "trial", on_front=True),
    Mark(4_000, -0.5, "12", "beyond"),
]


def test_each_trial_stands_at_its_cost_and_score() -> None:
    picture = scatter(MARKS, 50, 12, "clips heard")
    lines = picture.text.splitlines()
    assert len(lines) == 12
    assert all(sum(len(text) for text, _ in row) == 50 for row in picture.rows)
    roles = {text: role for row in picture.rows for text, role in row}
    assert (roles["1"], roles["2"], roles["12"]) == ("best", "trial", "beyond")
    assert "2" in lines[0], "the best lies on the highest row"
    assert "12" in lines[9], "the worst lies on the lowest row"
    assert "clips heard" in lines[-1]
    assert "2000" in lines[-1]


def test_the_front_is_a_line_of_steps() -> None:
    picture = scatter(MARKS, 50, 12, "clips heard")
    assert any(role == "front" for row in picture.rows for _, role in row)
    without = scatter([Mark(1_000, 0.5, "1", "trial")], 50, 12, "clips heard")
    assert not any(role == "front" for row in without.rows for _, role in row)


def test_without_scores_and_without_room_it_says_so() -> None:
    assert "No trial has a score yet." in scatter([], 50, 12, "clips heard").text
    assert scatter(MARKS, 12, 4, "clips heard").text.strip() == "…"


@pytest.mark.parametrize("width", range(16, 120, 7))
@pytest.mark.parametrize("height", range(5, 30, 4))
def test_any_size_is_filled_exactly(width: int, height: int) -> None:
    same = [Mark(5, 0.0, "7", "trial", on_front=True)] * 2
    for marks in (MARKS, same):
        picture = scatter(marks, width, height, "clips heard")
        assert len(picture.rows) == height
        assert all(sum(len(text) for text, _ in row) == width for row in picture.rows)
