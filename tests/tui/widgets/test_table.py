"""A table where there is not room for all: which columns give way, and that what is missing is marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from textual.app import App, ComposeResult

from tui.widgets.table import Table, fitted

NATURAL = {"time": 11, "status": 30, "what": 40}
pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("room", "widths"),
    [(100, [11, 30, 40]), (81, [11, 30, 40]), (70, [11, 30, 29]), (55, [11, 30, 14]), (50, [11, 25, 14])],
)
def test_columns_give_way_in_their_order_each_down_to_what_it_keeps(room: int, widths: list[int]) -> None:
    assert fitted(NATURAL, {"what": 14, "status": 18}, room) == widths


def test_what_finds_no_room_at_all_is_left_to_scroll_to() -> None:
    assert fitted(NATURAL, {"what": 14, "status": 18}, 20) == [11, 18, 14]


class Shown(App[None]):
    """One table."""

    def __init__(self, head: Sequence[str], shrinks: Mapping[str, int]) -> None:
        super().__init__()
        self._head, self._shrinks = head, shrinks

    def compose(self) -> ComposeResult:
        yield Table(self._head, shrinks=self._shrinks)


def lines(app: App[None]) -> list[str]:
    table = app.query_one(Table)
    return ["".join(segment.text for segment in table.render_line(y)) for y in range(table.size.height)]


async def test_a_cell_is_cut_with_a_mark_and_whole_again_when_there_is_room() -> None:
    app = Shown(("time", "what"), {"what": 6})
    async with app.run_test(size=(24, 8)) as pilot:
        app.query_one(Table).show_rows([("1", ("5 s left", "train anna from anna@6"))])
        await pilot.pause()
        assert "5 s left  train anna …" in lines(app)[1]
        await pilot.resize_terminal(40, 8)
        await pilot.pause()
        assert "train anna from anna@6" in lines(app)[1]


async def test_what_lies_beyond_the_edge_is_marked_on_each_line() -> None:
    app = Shown(("run", "steps", "made"), {})
    async with app.run_test(size=(12, 8)) as pilot:
        table = app.query_one(Table)
        table.show_rows([("1", ("#1", "1,000", "v12"))])
        await pilot.pause()
        assert [line[-1] for line in lines(app)[:3]] == ["→", "…", " "]
        table.scroll_to(x=100, animate=False)
        await pilot.pause()
        assert [line[0] for line in lines(app)[:3]] == ["←", "…", " "]
        assert "v12" in lines(app)[1]


async def test_a_table_wider_and_longer_than_its_room_is_shown_without_colours_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = Shown(("time", "what", "why"), {})
    async with app.run_test(size=(30, 9)) as pilot:
        rows = [
            (str(one), ("5 s left", "train anna from anna@6", "resumes from the last checkpoint")) for one in range(40)
        ]
        app.query_one(Table).show_rows(rows)
        await pilot.pause()
        assert lines(app)[1].startswith(" 5 s left")
        table = app.query_one(Table)
        assert all(segment.style is not None for y in range(table.size.height) for segment in table.render_line(y))
