"""The chart as a widget: keys and mouse, what its owner is told, and how little it paints."""

from __future__ import annotations

import asyncio

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region

from tui.drawing.picture import Picture
from tui.widgets.line_chart import LineChart
from tui.widgets.picture import changed


class Charted(App[None]):
    """A chart of a run of 1,000 steps, alone on its screen."""

    def __init__(self) -> None:
        super().__init__()
        self.viewed: asyncio.Queue[tuple[int, int, int]] = asyncio.Queue()

    def compose(self) -> ComposeResult:
        yield LineChart("loss")

    def on_mount(self) -> None:
        self.chart.set_series("train", range(1001), [float(step) for step in range(1001)])
        self.chart.focus()

    @property
    def chart(self) -> LineChart:
        return self.query_one(LineChart)

    @property
    def picture(self) -> list[str]:
        return [self.chart.render_line(y).text.rstrip() for y in range(self.chart.size.height)]

    def on_line_chart_viewed(self, event: LineChart.Viewed) -> None:
        self.viewed.put_nowait((event.first, event.last, event.buckets))

    async def told(self) -> tuple[int, int, int]:
        """(first, last, buckets) that the owner is told next."""
        return await asyncio.wait_for(self.viewed.get(), 10)


async def test_the_owner_is_told_the_steps_and_the_width_and_told_again_after_a_zoom() -> None:
    app = Charted()
    async with app.run_test(size=(80, 24)) as pilot:
        assert await app.told() == (0, 0, 160)
        await pilot.press("plus", "plus")
        first, last, buckets = await app.told()
        assert (last - first == pytest.approx(1000 / 1.5**2, abs=10), buckets) == (True, 160)
        await pilot.press("left")
        assert (await app.told())[0] < first
        await pilot.press("0")
        assert await app.told() == (0, 0, 160)
        await pilot.resize_terminal(100, 24)
        assert await app.told() == (0, 0, 200)


async def test_the_wheel_zooms_where_the_pointer_is_and_dragging_pans() -> None:
    app = Charted()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.told()
        await pilot.hover(LineChart, offset=(70, 10))
        pointed = app.chart.view.cursor
        assert pointed is not None
        assert f"step {round(pointed)}" in app.picture[1]
        app.chart._zoom(pointed, 1)
        first, last, _ = await app.told()
        assert first < pointed < last
        await pilot.mouse_down(LineChart, offset=(20, 10))
        await pilot.hover(LineChart, offset=(40, 10))
        await pilot.mouse_up(LineChart, offset=(40, 10))
        assert (await app.told())[0] < first
        await pilot.double_click(LineChart, offset=(40, 10))
        assert (await app.told())[:2] == (0, 0)


async def test_values_are_read_off_with_the_keyboard() -> None:
    app = Charted()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("comma", "comma")
        assert app.picture[1].startswith("step 9")


async def test_smoothing_and_logarithm_are_one_key_each() -> None:
    app = Charted()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("s", "y")
        assert app.picture[0] == "loss · log · smoothed 0.6 · 1 not above 0, not shown"
        await pilot.press("s", "s", "s", "y")
        assert app.picture[0] == "loss"


async def test_live_points_are_gathered_into_few_paintings() -> None:
    app = Charted()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        painted = 0
        draw = app.chart.draw

        def counted(width: int, height: int) -> Picture:
            nonlocal painted
            painted += 1
            return draw(width, height)

        app.chart.draw = counted  # type: ignore[method-assign]
        for step in range(1001, 1101):
            app.chart.append("train", [step], [float(step)])
        assert painted <= 1
        await asyncio.wait_for(app.chart._timer._task, 5)  # type: ignore[union-attr, arg-type]
        await pilot.pause()
        assert painted <= 2
        assert "train 1100" in app.picture[1]


def test_only_the_cells_that_differ_are_painted() -> None:
    before = Picture(((("abc", ""), ("def", "x")), (("ghi", ""), ("jkl", ""))))
    after = Picture(((("abX", ""), ("def", "x")), (("ghijkl", ""),)))
    assert changed(before, after) == [Region(2, 0, 1, 1)]
    assert changed(before, Picture(before.rows[:1])) is None
