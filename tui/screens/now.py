"""Screen 1, Now: the queue, the curve of what trains, the inbox, the machine, the log."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Grid
from textual.timer import Timer

from proto import myna_pb2 as pb
from proto.channel import ClientError
from proto.messages import state_of
from tui.dashboard.actions import beside, instead
from tui.dashboard.bindings import offers
from tui.dashboard.curve_choice import Curve, curve_of, empty
from tui.dashboard.live import Topic
from tui.screens.base import WorkshopScreen
from tui.widgets.curve_pane import CurvePane
from tui.widgets.first_run_pane import FirstRunPane, is_first_run
from tui.widgets.inbox_pane import InboxPane
from tui.widgets.log_pane import LogPane
from tui.widgets.machine_pane import MachinePane
from tui.widgets.queue_pane import QueuePane

TAIL = 200  #: lines of a log that are fetched at first
REST = 0.2  #: seconds the cursor stays on a job before its curve and log are fetched: moving on costs nothing
PRICED = 20  #: waiting trainings whose length is asked for


class NowScreen(WorkshopScreen):
    """Everything at a glance."""

    place = "now"
    screen_title = "Now"
    screen_help = "What the workshop does at this moment. Tab goes from pane to pane, z maximises one."
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-middle"), (120, "-wide")]
    DEFAULT_CSS = """
    NowScreen {
        & Grid { height: 1fr; }
        &.-wide Grid { grid-size: 5 3; grid-columns: 1fr; grid-rows: 1fr 2fr 1fr; }
        &.-middle Grid { grid-size: 5 3; grid-columns: 1fr; grid-rows: 3fr 5fr 3fr; }
        &.-wide, &.-middle {
            & QueuePane { column-span: 5; }
            & CurvePane, & LogPane { column-span: 3; }
            & MachinePane, & InboxPane { column-span: 2; }
        }
        &.-narrow Grid { grid-size: 2 4; grid-columns: 1fr 1fr; grid-rows: 6 1fr 5 3; }
        &.-narrow QueuePane, &.-narrow CurvePane, &.-narrow LogPane { column-span: 2; }
        & FirstRunPane { display: none; }
        &.-first QueuePane, &.-first CurvePane, &.-first LogPane { display: none; }
        &.-first FirstRunPane { display: block; }
        &.-first Grid { grid-size: 2 2; grid-columns: 1fr 1fr; grid-rows: 2fr 1fr; }
        &.-first FirstRunPane { column-span: 2; }
        &.-first MachinePane, &.-first InboxPane { column-span: 1; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._job = 0  #: whose curve and log are shown
        self._filter_text = ""
        self._resting: Timer | None = None
        self._newest = 0  #: the newest run, where it was asked for
        self._asked = False
        self._estimates: dict[int, float] = {}
        self._priced: set[int] = set()  #: jobs whose price was asked for, whatever the answer

    def body(self) -> ComposeResult:
        with Grid():
            yield FirstRunPane()
            yield QueuePane()
            yield CurvePane()
            yield MachinePane()
            yield InboxPane()
            yield LogPane()

    # ---------------------------------------------------------------------------------------------- drawing

    def show(self, topics: Topic) -> None:
        live = self.app.live
        if topics & (Topic.JOBS | Topic.VOICES | Topic.INBOX | Topic.LINK):
            self._show_first_run()
        if topics & (Topic.JOBS | Topic.LINK | Topic.MACHINE):  # with each sample, too: the clocks of what runs go on
            self.query_one(QueuePane).show_jobs(live.jobs.values(), self._estimates)
        if topics & (Topic.JOBS | Topic.LINK):
            self._show_progress()
            self._price()
        if Topic.INBOX in topics:
            self.query_one(InboxPane).show_files(live.inbox.values(), self._filter_text)
        if Topic.MACHINE in topics:
            self.query_one(MachinePane).show_samples(live.samples, self._holder())
        if Topic.LINK in topics:
            self.query_one(CurvePane).stop()  # what it watched is gone with the daemon
        if Topic.LINK in topics and live.link.up:
            self._stream()
        elif Topic.JOBS in topics and live.link.up and self._resting is None:
            self._stream_curve()  # a training has its run only after it began

    def _show_first_run(self) -> None:
        """The way to the first voice, in place of a queue without jobs; a lost daemon leaves what was shown."""
        live = self.app.live
        if not live.link.up:
            return
        first = is_first_run(live)
        if first:
            keys = {str(offer.binding.id).removeprefix("go."): offer.keys[0] for offer in offers(self.app)}
            self.query_one(FirstRunPane).show_steps(live, keys)
        if first != self.has_class("-first"):
            self.set_class(first, "-first")
            self.call_after_refresh(self.focus_first)

    def filtered(self, text: str) -> None:
        self._filter_text = text
        self.query_one(QueuePane).filter(text)
        self.show(Topic.JOBS | Topic.INBOX)

    def on_queue_pane_chosen(self, event: QueuePane.Chosen) -> None:
        event.stop()
        first, self._job = not self._job, event.job
        if self._resting is not None:
            self._resting.stop()
        if first:
            self._rested()
        else:
            self._resting = self.set_timer(REST, self._rested)

    def _rested(self) -> None:
        self._resting = None
        self._show_progress()
        self._stream()

    def on_queue_pane_opened(self, event: QueuePane.Opened) -> None:
        event.stop()
        from tui.screens.job import JobScreen

        job = self.app.live.jobs.get(event.job)
        if job is not None:
            self.app.push_screen(JobScreen(job))

    def on_screen_suspend(self) -> None:
        self.query_one(CurvePane).stop()
        self.workers.cancel_group(self, "log")

    def _holder(self) -> str:
        """Who has the GPUs, on a machine that has some."""
        holders = [f"{pb.JobKind.Name(job.kind).lower()} #{job.id}" for job in self.app.live.running() if job.gpu_lane]
        return ", ".join(holders) if self.app.live.samples and self.app.live.samples[-1].gpus else ""

    def _show_progress(self) -> None:
        self.query_one(CurvePane).show_job(self.app.live.jobs.get(self._job))

    # ---------------------------------------------------------------------------------------------- streams

    def _stream(self) -> None:
        """The curve and the log of the job under the cursor, from their beginning."""
        self._stream_curve()
        job = self.app.live.jobs.get(self._job)
        if job is not None:
            instead(self, "log", self._log, job.id)

    def _stream_curve(self) -> None:
        """The curve that belongs to the job under the cursor."""
        jobs = self.app.live.jobs
        choice = curve_of(jobs.get(self._job), jobs, self._newest)
        self.query_one(CurvePane).follow(choice.run, empty=empty(choice))
        if choice.kind is Curve.NONE and not self._asked:
            self._asked = True
            beside(self, self._fetch_newest)

    async def _fetch_newest(self) -> None:
        """No job that is known had a run; jobs are forgotten, runs are not."""
        try:
            runs = [run.id async for run in self.app.client.runs(limit=1)]
        except ClientError:
            self._asked = False
            return
        if runs:
            self._newest = runs[0]
            self._stream_curve()

    async def _log(self, job: int) -> None:
        pane = self.query_one(LogPane)
        pane.begin(f"of #{job}")
        try:
            async for line in self.app.client.logs(job, follow=True, tail=TAIL, patience=0.0):
                pane.write(line)
        except ClientError as problem:
            if problem.code not in ("UNAVAILABLE", "NOT_FOUND"):
                self.app.trouble(problem)

    def _price(self) -> None:
        """Ask what waiting trainings will take, once each: the queue then says when the ones behind may begin."""
        waiting = [job for job in self.app.live.jobs.values() if state_of(job) == "queued" and job.kind == pb.TRAIN]
        fresh = [job for job in waiting[:PRICED] if job.id not in self._priced]
        if fresh and self.app.live.link.up:
            self._priced.update(job.id for job in fresh)
            beside(self, self._fetch_estimates, fresh)

    async def _fetch_estimates(self, jobs: list[pb.Job]) -> None:
        for job in jobs:
            spec = job.spec.train
            choices = {field.name: value for field, value in spec.options.ListFields()}
            try:
                estimate = await self.app.client.estimate(
                    spec.voice, dataset=spec.dataset, start=getattr(spec, "from"), **choices
                )
            except ClientError:
                continue  # it cannot be priced now; the job itself will say why
            self._estimates[job.id] = estimate.seconds
        self.refresh_topics(Topic.JOBS)
