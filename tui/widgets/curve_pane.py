"""The curve of a run while it trains: how far it is, its losses, the best, and other runs laid over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content

from proto import energy_words
from proto import myna_pb2 as pb
from proto.channel import ClientError
from proto.messages import state_of
from tui import wording
from tui.dashboard import curve
from tui.dashboard.actions import asks, instead
from tui.dashboard.curve import Best, Drawn
from tui.drawing.bars import bar
from tui.output import safe
from tui.widgets.line_chart import LineChart
from tui.widgets.pane import Pane
from tui.widgets.still import Still

if TYPE_CHECKING:
    from tui.dashboard.host import Host

NO_RUN = "No training yet: copy recordings into inbox/NAME/, or press t."  #: where the owner says nothing else
NO_POINTS = "No points yet."
ROOMY = 90  #: cells from which on there is room for a long bar beside all numbers


class ProgressLine(Still):
    """One line: what runs, a bar, how far it is, and what is left."""

    DEFAULT_CSS = "ProgressLine { height: 1; }"
    can_focus = False

    def __init__(self) -> None:
        super().__init__()
        self._job: pb.Job | None = None

    def show_job(self, job: pb.Job | None) -> None:
        """The job; None: nothing to say."""
        self._job = job
        if self.display != (job is not None):
            self.display = job is not None
        self.look()

    def lines(self, width: int, height: int) -> Content:
        return progress_line(self._job, width) if self._job is not None else Content("")


class CurvePane(Pane):
    """Follows one run. The owner says which (`follow`), and which job it belongs to (`show_job`)."""

    pane_title = "Curve"
    pane_help = (
        "Loss on what is trained and on the held-out clips, as the run goes; ★ is the best held-out "
        "value so far. The daemon reduces the "
        "points to what fits, so that a run of any length opens at once; where you zoom in, finer ones "
        "are fetched. A gap is a value that "
        "was not a number. Where the job's energy and money are known, they stand in its line: so far / at its end."
    )
    BINDINGS = [
        Binding("o", "overlay", "overlay", id="curve.overlay", tooltip="Lay another run over this one"),
        Binding("O", "bare", "Remove overlays", show=False, id="curve.bare", tooltip="Only this run"),
        Binding("m", "metric", "metric", id="curve.metric", tooltip="The next of the run's measures"),
    ]
    DEFAULT_CSS = "CurvePane { height: 1fr; }"

    app: Host  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self._run = 0
        self._info: pb.Run | None = None
        self._metric = "loss"
        self._others: list[int] = []
        self._best: Best | None = None
        self._open = False  #: it was begun, and not stopped

    def compose(self) -> ComposeResult:
        yield ProgressLine()
        yield LineChart(empty=NO_RUN)

    @property
    def run(self) -> int:
        """The run that is shown; 0: none."""
        return self._run

    # ---------------------------------------------------------------------------------------------- for the owner

    def show_job(self, job: pb.Job | None) -> None:
        """How far the run's job is."""
        self.query_one(ProgressLine).show_job(job)

    def follow(self, run: int, others: list[int] | None = None, *, empty: str = NO_RUN) -> None:
        """Show this run from now on (0: none, and why: `empty`), with others laid over it. Nothing is asked again for
        what is shown already."""
        self.query_one(LineChart).set_empty(empty if not run else NO_POINTS)
        wanted = [number for number in (self._others if others is None else others) if number != run]
        if (run, wanted) != (self._run, self._others) or not self._open:
            self._run, self._others, self._info = run, wanted, None
            self.begin()

    def begin(self) -> None:
        """Ask for everything anew, and go on watching: the daemon is back, or something else is wanted."""
        self._open = True
        if self._run:
            instead(self, "curve", self._draw)
        else:
            self.workers.cancel_group(self, "curve")
            self.query_one(LineChart).clear()
            self.query_one(LineChart).set_title("")
            self.show_title()

    def stop(self) -> None:
        """Nobody looks, or the daemon is lost: end the stream."""
        self._open = False
        self.workers.cancel_group(self, "curve")

    # ---------------------------------------------------------------------------------------------- points

    async def _draw(self) -> None:
        client, chart = self.app.client, self.query_one(LineChart)
        try:
            self._info = await client.run(self._run)
            there = curve.metrics(self._info.metrics)
            if there and self._metric not in there:
                self._metric = there[0]
            lines, cursor = await curve.whole(client, self._run, self._metric, chart.buckets)
            drawn = [
                (number, (await curve.whole(client, number, self._metric, chart.buckets, other=True))[0])
                for number in self._others
            ]
            chart.clear()
            self._best = None
            chart.set_title(safe(curve.title(self._info, self._metric)))
            for line in lines:
                self._set(line)
            for _, over in drawn:
                for line in over:
                    chart.set_series(line.name, line.steps, line.values, marks=line.held_out)
            self.show_title()
            async for batch in curve.coming(client, self._run, self._metric, cursor):
                for line in batch:
                    self._grow(line)
        except ClientError as problem:
            if problem.code != "UNAVAILABLE":  # the screen says that the daemon is lost; the picture stays
                self.app.trouble(problem)

    def _set(self, line: Drawn) -> None:
        self.query_one(LineChart).set_series(line.name, line.steps, line.values, marks=line.held_out)
        self._mark(line)

    def _grow(self, line: Drawn) -> None:
        self.query_one(LineChart).append(line.name, line.steps, line.values)
        self._mark(line)

    def _mark(self, line: Drawn) -> None:
        best = curve.better(self._best, line)
        if best is not None and best != self._best:
            self._best = best
            self.query_one(LineChart).set_best(best.step, best.value)

    def on_line_chart_viewed(self, event: LineChart.Viewed) -> None:
        event.stop()
        if self._run and self._info is not None:
            instead(self, "refine", self._refine, event.first, event.last, event.buckets)

    async def _refine(self, first: int, last: int, buckets: int) -> None:
        chart = self.query_one(LineChart)
        try:
            for number in (self._run, *self._others):
                lines = await curve.between(
                    self.app.client, number, self._metric, first, last, buckets, other=number != self._run
                )
                for line in lines:
                    if line.steps:
                        chart.refine(line.name, line.steps[0], line.steps[-1], line.steps, line.values)
        except ClientError:
            return  # what is shown is right, only coarser

    # ---------------------------------------------------------------------------------------------- actions

    @asks
    async def action_overlay(self) -> None:
        from tui.dialogs.pick_run import PickRun

        known = {self._run, *self._others}
        runs = [run async for run in self.app.client.runs(limit=200) if run.id not in known]
        chosen = await self.app.push_screen_wait(PickRun(runs))
        if chosen:
            self._others.append(chosen)
            self.begin()

    def action_bare(self) -> None:
        if self._others:
            self._others = []
            self.begin()

    def action_metric(self) -> None:
        there = curve.metrics(self._info.metrics) if self._info is not None else []
        if there:
            self._metric = there[(there.index(self._metric) + 1) % len(there)] if self._metric in there else there[0]
            self.begin()


def progress_line(job: pb.Job, width: int) -> Content:
    """ "#12 ████    30%  1,200 of 4,000 steps, 21 min left  train anna …"; what came of it when it has ended."""
    state = state_of(job)
    if state not in ("running", "paused"):
        colour = {"failed": "$error", "succeeded": "$success"}.get(state, "$muted")
        words = f"  {safe(wording.detail(job))}  {safe(job.title)}"
        return Content.assemble((f"#{job.id} {state}", f"b {colour}"), words).truncate(width, ellipsis=True)
    now = job.status.running.progress if state == "running" else job.status.paused.progress
    part = now.done / now.total if now.total else 0.0
    words = wording.progress(now) if state == "running" else wording.detail(job)
    if metered := energy_words.meter(now):  # where there is little room it comes first: the queue tells the rest, too
        words = ", ".join(filter(None, (words, metered) if width >= ROOMY else (metered, words)))
    colour = "$accent" if state == "running" else "$warning"
    drawn = bar(part, min(max(width // 4, 8), 40) if width >= ROOMY or not metered else 8)
    line = Content.assemble(
        (f"#{job.id} ", "b"), (drawn, f"{colour} on $panel"), (f" {part:.0%} ", "b"), f" {safe(words)}"
    )
    return Content.assemble(line, (f"  {safe(job.title)}", "$muted")).truncate(width, ellipsis=True)
