"""Screen 6, Runs: every training with its settings and results; curves of chosen ones over each other; resume, repeat
with changes."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from proto import myna_pb2 as pb
from proto.channel import ClientError
from tui.dashboard.actions import instead
from tui.dashboard.live import Topic
from tui.dashboard.run_rows import settings
from tui.output import safe
from tui.screens.base import WorkshopScreen
from tui.widgets.curve_grid import CurveGrid
from tui.widgets.curve_pane import CurvePane
from tui.widgets.pane import Pane
from tui.widgets.runs_pane import RunsPane

LISTED = 1_000  #: runs


class RunSettings(Pane):
    """The settings of the run under the cursor."""

    pane_title = "Settings"
    pane_help = (
        "What the run under the cursor was trained with. Where a run is laid over it, only what differs is in colour."
    )
    DEFAULT_CSS = "RunSettings { height: 1fr; & > Static { height: 1fr; } }"

    def compose(self) -> ComposeResult:
        yield Static(markup=False)

    def show_runs(self, runs: Sequence[pb.Run]) -> None:
        """The first one's, beside those of the others."""
        self.query_one(Static).update(compared(runs))
        self.show_title(" ".join(f"#{run.id}" for run in runs))


class RunsScreen(WorkshopScreen):
    """The table, and below it the curves of those that were chosen."""

    place = "runs"
    screen_title = "Runs"
    screen_help = (
        "Every training there was. Space chooses runs whose curves are laid over each other; the one "
        "under the cursor is always drawn. w puts them side by side, a chart each."
    )
    BINDINGS = [
        Binding(
            "w",
            "side_by_side",
            "side by side",
            id="runs.grid",
            tooltip="The chosen runs' curves in charts of their own; again: over each other",
        ),
        Binding(
            "x",
            "experiments",
            "experiments",
            id="runs.experiments",
            tooltip="Experiments: their trials, score against cost, and what is recommended",
        ),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-middle"), (120, "-wide")]
    DEFAULT_CSS = """
    RunsScreen {
        & #lower { layout: horizontal; height: 1fr; }
        & RunsPane { height: 1fr; }
        & CurvePane { width: 1fr; }
        & RunSettings { width: 44; }
        &.-middle RunSettings { width: 34; }
        &.-narrow RunSettings { display: none; }
        & CurveGrid { display: none; }
        &.-grid CurvePane, &.-grid RunSettings { display: none; }
        &.-grid CurveGrid { display: block; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._runs: dict[int, pb.Run] = {}

    def body(self) -> ComposeResult:
        yield RunsPane()
        with Vertical(id="lower"):
            yield CurvePane()
            yield CurveGrid()
            yield RunSettings()

    def show(self, topics: Topic) -> None:
        jobs = self.app.live.jobs
        if topics & (Topic.LINK | Topic.VOICES) or any(job.run and job.run not in self._runs for job in jobs.values()):
            if self.app.live.link.up:
                instead(self, "runs", self._fetch)
        elif Topic.JOBS in topics:
            self._progress()

    def filtered(self, text: str) -> None:
        self.query_one(RunsPane).filter(text)

    def on_screen_suspend(self) -> None:
        self.query_one(CurvePane).stop()
        self.query_one(CurveGrid).stop()

    def action_side_by_side(self) -> None:
        self.toggle_class("-grid")
        (self.query_one(CurvePane) if self.has_class("-grid") else self.query_one(CurveGrid)).stop()
        self.call_after_refresh(self.query_one(RunsPane).post_chosen, again=True)

    def action_experiments(self) -> None:
        from tui.dialogs.experiments import ExperimentsScreen

        self.app.push_screen(ExperimentsScreen())

    def on_runs_pane_chosen(self, event: RunsPane.Chosen) -> None:
        event.stop()
        if self.has_class("-grid"):
            self.query_one(CurveGrid).follow([event.run, *event.others])
            return
        self.query_one(CurvePane).follow(event.run, list(event.others))
        self.query_one(CurvePane).show_job(self._job_of(event.run))
        self.query_one(RunSettings).show_runs(
            [self._runs[run] for run in (event.run, *event.others) if run in self._runs]
        )

    async def _fetch(self) -> None:
        try:
            runs = [run async for run in self.app.client.runs(limit=LISTED)]
        except ClientError as problem:
            if problem.code != "UNAVAILABLE":
                self.app.trouble(problem)
            return
        self._runs = {run.id: run for run in runs}
        pane = self.query_one(RunsPane)
        pane.show_runs(runs, {job.run: job for job in self.app.live.jobs.values() if job.run})
        pane.post_chosen(again=True)

    def _progress(self) -> None:
        """Runs at work have gone on: their steps are in their jobs' progress."""
        for job in self.app.live.running():
            run = self._runs.get(job.run)
            if run is not None:
                run.step = max(run.step, int(job.status.running.progress.done))
        self.query_one(RunsPane).show_runs(
            list(self._runs.values()), {job.run: job for job in self.app.live.jobs.values() if job.run}
        )
        self.query_one(CurvePane).show_job(self._job_of(self.query_one(CurvePane).run))

    def _job_of(self, run: int) -> pb.Job | None:
        return next((job for job in self.app.live.jobs.values() if job.run == run and run), None)


def compared(runs: Sequence[pb.Run]) -> Content:
    """A line a setting: the first run's value, then those of others that differ."""
    if not runs:
        return Content("")
    first, others = settings(runs[0]), [settings(run) for run in runs[1:]]
    names = sorted({name for chosen in (first, *others) for name in chosen})
    wide = max((len(name) for name in names), default=0)
    lines = []
    for name in names:
        values = [chosen.get(name) for chosen in (first, *others)]
        differs = any(value != values[0] for value in values)
        words = "  ".join(safe(_format_value(value)) for value in (values if differs else values[:1]))
        lines.append(Content.assemble((f"{safe(name):<{wide}}  ", "$muted"), (words, "$warning" if differs else "")))
    return Content("\n").join(lines)


def _format_value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "–" if value is None else str(value)
