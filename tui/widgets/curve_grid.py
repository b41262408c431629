"""Curves of several runs side by side, a chart each: what lies over each other in one chart, where lines would hide
lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Grid
from textual.events import Resize

from proto.channel import ClientError
from tui import wording
from tui.dashboard import curve
from tui.dashboard.actions import instead
from tui.dashboard.curve import Best, Drawn
from tui.output import safe
from tui.widgets.line_chart import LineChart
from tui.widgets.pane import Pane

if TYPE_CHECKING:
    from tui.dashboard.host import Host

MOST = 6  #: charts: the run under the cursor, and those that were chosen
WIDE, HIGH = 36, 7  #: the least cells of a chart that can be read


class CurveGrid(Pane):
    """Follows some runs. The owner says which (`follow`)."""

    pane_title = "Curves"
    pane_help = (
        "The run under the cursor and those that were chosen, a chart each, with an axis of its own. As many as there "
        "is room for; z maximises the pane."
    )
    BINDINGS = [Binding("m", "metric", "metric", id="curves.metric", tooltip="The next of the runs' measures")]
    DEFAULT_CSS = """
    CurveGrid { height: 1fr; width: 1fr; & > Grid { grid-gutter: 0 1; grid-rows: 1fr; } }
    """

    app: Host  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self._runs: list[int] = []
        self._open: list[int] = []  #: what is drawn, a place each
        self._metric = "loss"
        self._there: list[str] = []  #: what can be shown of the runs
        self._best: dict[int, Best] = {}  #: of each run

    def compose(self) -> ComposeResult:
        with Grid():
            for _ in range(MOST):
                yield LineChart()

    # ---------------------------------------------------------------------------------------------- for the owner

    def follow(self, runs: Sequence[int]) -> None:
        """Show these runs from now on, in this order; nothing is asked again for what is shown already."""
        self._runs = [run for run in runs if run][:MOST]
        self._lay()

    def stop(self) -> None:
        """Nobody looks, or the daemon is lost: end the streams."""
        for place in range(MOST):
            self.workers.cancel_group(self, f"curve-{place}")
        self._open = []

    # ---------------------------------------------------------------------------------------------- charts

    def on_resize(self, event: Resize) -> None:
        self._lay()

    def _lay(self) -> None:
        """As many charts as are wanted and can be read, and in each its run."""
        width, height = self.content_size
        if not self.display or not width or not height:
            return
        columns = max(1, min(len(self._runs), width // WIDE))
        shown = self._runs[: columns * max(1, height // HIGH)]
        self.query_one(Grid).styles.grid_size_columns = columns
        for place, chart in enumerate(self.query(LineChart)):
            chart.display = place < len(shown)
            before = self._open[place] if place < len(self._open) else 0
            wanted = shown[place] if place < len(shown) else 0
            if not wanted:
                self.workers.cancel_group(self, f"curve-{place}")
            elif wanted != before:
                chart.clear()
                chart.set_title(f"run {wanted}")
                instead(self, f"curve-{place}", self._draw, wanted, chart)
        self._open = shown
        left = len(self._runs) - len(shown)
        self.show_title(f"{self._metric}, {wording.count(left, 'more run')}" if left else self._metric)

    async def _draw(self, run: int, chart: LineChart) -> None:
        client = self.app.client
        try:
            info = await client.run(run)
            there = curve.metrics(info.metrics)
            self._there = sorted({*self._there, *there}, key=lambda name: (name != "loss", name))
            lines, cursor = await curve.whole(client, run, self._metric, chart.buckets)
            chart.set_title(safe(f"run {run} · {info.voice}"))
            self._best.pop(run, None)
            for line in lines:
                chart.set_series(line.name, line.steps, line.values, marks=line.held_out)
                self._mark(run, chart, line)
            async for batch in curve.coming(client, run, self._metric, cursor):
                for line in batch:
                    chart.append(line.name, line.steps, line.values)
                    self._mark(run, chart, line)
        except ClientError as problem:
            self._open = [0 if each == run else each for each in self._open]  # ask anew when it is wanted again
            if problem.code != "UNAVAILABLE":  # the screen says that the daemon is lost; the picture stays
                self.app.trouble(problem)

    def _mark(self, run: int, chart: LineChart, line: Drawn) -> None:
        best = curve.better(self._best.get(run), line)
        if best is not None and best != self._best.get(run):
            self._best[run] = best
            chart.set_best(best.step, best.value)

    def on_line_chart_viewed(self, event: LineChart.Viewed) -> None:
        event.stop()
        place = list(self.query(LineChart)).index(event.chart)
        if place < len(self._open):
            instead(self, f"refine-{place}", self._refine, self._open[place], event)

    async def _refine(self, run: int, seen: LineChart.Viewed) -> None:
        try:
            lines = await curve.between(self.app.client, run, self._metric, seen.first, seen.last, seen.buckets)
        except ClientError:
            return  # what is shown is right, only coarser
        for line in lines:
            if line.steps:
                seen.chart.refine(line.name, line.steps[0], line.steps[-1], line.steps, line.values)

    def action_metric(self) -> None:
        if self._there:
            at = self._there.index(self._metric) if self._metric in self._there else -1
            self._metric = self._there[(at + 1) % len(self._there)]
            self.stop()
            self._lay()
