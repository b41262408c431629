"""Jobs by state: what runs and how far it is, what waits and why, what came of the rest; and what can be done about
them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message

from proto import myna_pb2 as pb
from proto.messages import ENDED, state_of
from tui import wording
from tui.dashboard.actions import changes
from tui.dashboard.queue import GROUPS, Start, foremost, ordered, starts, summary
from tui.dashboard.themes import rich_colour
from tui.output import safe
from tui.widgets.pane import Pane
from tui.widgets.table import Cell, Table

if TYPE_CHECKING:
    from tui.dashboard.host import Host

HEAD = ("state", "job", "time", "status", "what")
SHRINKS = {"what": 14, "status": 18}  #: the title gives way first, down to so many cells, then progress and reasons
COLOURS = {"running": "accent", "failed": "error", "paused": "warning", "queued": "foreground"}


class QueuePane(Pane):
    """The table, and actions on the row under the cursor."""

    pane_title = "Queue"
    pane_help = (
        "Every job by state, the waiting ones in the order in which they will be done. The curve and "
        "the log are those of the job under "
        "the cursor; until you move it, that is the one that runs. Within a priority, jobs "
        "wait in line; K and J move one."
    )
    BINDINGS = [
        Binding(
            "t",
            "train",
            "train",
            id="queue.train",
            tooltip="Train a voice: choose what and how, see what it would cost",
        ),
        Binding(
            "p",
            "pause",
            "pause",
            id="queue.pause",
            tooltip="Pause the job; it keeps its place and its work. Again: resume it",
        ),
        Binding("c", "cancel", "cancel", id="queue.cancel", tooltip="End the job for good; asks first"),
        Binding("r", "retry", "retry", id="queue.retry", tooltip="Put a failed or cancelled job back into the queue"),
        Binding(
            "x",
            "clear",
            "Clear away",
            show=False,
            id="queue.clear",
            tooltip="A job that has ended leaves this list; r, and `myna retry`, bring it back",
        ),
        Binding(
            "X",
            "clear_all",
            "Clear away all that have ended",
            show=False,
            id="queue.clear-all",
            tooltip="Their results and logs are kept; asks first",
        ),
        Binding("b", "move('first')", "first", id="queue.first", tooltip="Move it to the front of the queue"),
        Binding("e", "move('last')", "Last", show=False, id="queue.last", tooltip="Move it to the end of the queue"),
        Binding(
            "K,shift+up",
            "move('up')",
            "Earlier",
            show=False,
            id="queue.earlier",
            tooltip="Move it before the one above",
        ),
        Binding(
            "J,shift+down",
            "move('down')",
            "Later",
            show=False,
            id="queue.later",
            tooltip="Move it behind the one below",
        ),
        Binding(
            "f",
            "follow",
            "Follow what runs",
            show=False,
            id="queue.follow",
            tooltip="The cursor goes to the job that runs, and stays",
        ),
    ]
    DEFAULT_CSS = "QueuePane { height: 1fr; }"

    app: Host  # type: ignore[assignment]

    class Chosen(Message):
        """Another job is under the cursor."""

        def __init__(self, job: int) -> None:
            super().__init__()
            self.job = job

    class Opened(Message):
        """Enter was pressed on a job."""

        def __init__(self, job: int) -> None:
            super().__init__()
            self.job = job

    def __init__(self) -> None:
        super().__init__()
        self._jobs: list[pb.Job] = []
        self._following = True
        self._filter = ""
        self._posted = 0

    def compose(self) -> ComposeResult:
        yield Table(HEAD, shrinks=SHRINKS, id="queue")

    def show_jobs(self, jobs: Iterable[pb.Job], estimates: Mapping[int, float]) -> None:
        """Draw these."""
        everything = ordered(jobs)
        begins = starts(everything, estimates)
        self._jobs = [job for job in everything if self._wanted(job)]
        table = self.query_one(Table)
        table.show_rows([(str(job.id), self._cells(place, job, begins)) for place, job in enumerate(self._jobs)])
        if self._following and self._jobs:
            table.choose(str(foremost(self._jobs).id))
        self.show_title(summary(everything))
        self._post_chosen()

    def filter(self, text: str) -> None:
        """Only jobs that hold these words; the owner shows them again."""
        self._filter = text.casefold()

    @property
    def chosen(self) -> pb.Job | None:
        """The job under the cursor."""
        number = self.query_one(Table).chosen
        return next((job for job in self._jobs if str(job.id) == number), None)

    # ---------------------------------------------------------------------------------------------- cells

    def _wanted(self, job: pb.Job) -> bool:
        words = f"{job.id} {job.title} {state_of(job)} {wording.kind(job)} {wording.detail(job)}".casefold()
        return all(word in words for word in self._filter.split())

    def _cells(self, place: int, job: pb.Job, begins: Mapping[int, Start]) -> tuple[Cell, ...]:
        state = state_of(job)
        group = GROUPS.get(state, state or "?")
        first = place == 0 or state_of(self._jobs[place - 1]) != state
        style = rich_colour(self.app.theme_variables, COLOURS.get(state, "muted"))
        return (
            Text(group if first else "", style=f"bold {style}" if state == "running" else style),
            Text(f"#{job.id}", style="dim", justify="right"),
            Text(_time(job, begins.get(job.id)), justify="right"),
            Text(safe(_detail(job)), style=style if state in ("failed", "paused") else ""),
            Text(safe(job.title or wording.kind(job)), style="" if state in ("running", "queued") else "dim"),
        )

    # ---------------------------------------------------------------------------------------------- the cursor

    def on_data_table_row_highlighted(self, event: Table.RowHighlighted) -> None:
        event.stop()
        if self._jobs and self.query_one(Table).has_focus:
            self._following = self.chosen is foremost(self._jobs)
        self._post_chosen()

    def on_data_table_row_selected(self, event: Table.RowSelected) -> None:
        event.stop()
        if self.chosen is not None:
            self.post_message(self.Opened(self.chosen.id))

    def _post_chosen(self) -> None:
        chosen = self.chosen
        if (chosen.id if chosen else 0) != self._posted:
            self._posted = chosen.id if chosen else 0
            self.post_message(self.Chosen(self._posted))

    # ---------------------------------------------------------------------------------------------- actions

    def action_follow(self) -> None:
        self._following = True
        if self._jobs:
            self.query_one(Table).choose(str(foremost(self._jobs).id))

    @changes
    async def action_train(self) -> None:
        from tui.dialogs.train import TrainScreen

        await TrainScreen.ask(self.app, self.chosen.voice if self.chosen else "")

    @changes
    async def action_pause(self) -> None:
        job = self.chosen
        if job is None:
            return
        held = (
            state_of(job) == "paused" and job.status.paused.by_person
        ) or job.status.running.transition == pb.PAUSING
        now = await (self.app.client.resume(job.id) if held else self.app.client.pause(job.id))
        self.app.say(f"#{job.id} {'goes on' if held else 'is held; p lets it go on'}: {now.title}")

    @changes
    async def action_cancel(self) -> None:
        job = self.chosen
        if job is None:
            return
        if state_of(job) in ENDED:
            self.app.say(f"#{job.id} has ended already.")
            return
        lost = (
            "What it did since its last checkpoint is lost."
            if state_of(job) == "running"
            else "It has not begun, so nothing is lost."
        )
        if await self.app.confirm(
            f"Cancel #{job.id}, {job.title}?", f"{lost} r puts it back into the queue.", "Cancel it", "Keep it"
        ):
            await self.app.client.cancel(job.id)

    @changes
    async def action_retry(self) -> None:
        if self.chosen is not None:
            job = await self.app.client.retry(self.chosen.id)
            self.app.say(f"#{job.id} is in the queue again.")

    @changes
    async def action_clear(self) -> None:
        job = self.chosen
        if job is None:
            return
        await self.app.client.clear([job.id])
        self.app.say(f"#{job.id} is out of the list. `myna job {job.id}` shows it still.")

    @changes
    async def action_clear_all(self) -> None:
        ended = sum(state_of(job) in ENDED for job in self._jobs)
        if not ended:
            self.app.say("No job has ended that is still listed.")
            return
        consequence = "Failed, cancelled and done ones leave the lists, also older ones. Results and logs are kept."
        if await self.app.confirm("Clear away all jobs that have ended?", consequence, "Clear them away", "Keep them"):
            number = await self.app.client.clear()
            self.app.say(f"{wording.count(number, 'job')} left the lists; versions, datasets and logs are kept.")

    @changes
    async def action_move(self, where: str) -> None:
        job = self.chosen
        if job is None:
            return
        if where in ("first", "last"):
            await self.app.client.reorder(job.id, last=where == "last")
        elif (neighbour := self._neighbour(job, where)) is not None:
            moved, before = (job, neighbour) if where == "up" else (neighbour, job)
            await self.app.client.reorder(moved.id, before=before.id)

    def _neighbour(self, job: pb.Job, where: str) -> pb.Job | None:
        """The waiting job above or below, in the same lane."""
        line = [row for row in self._jobs if state_of(row) == "queued" and row.gpu_lane == job.gpu_lane]
        place = next((place for place, row in enumerate(line) if row.id == job.id), None)
        if place is None:
            return None
        place += -1 if where == "up" else 1
        return line[place] if 0 <= place < len(line) else None


def _time(job: pb.Job, begins: Start | None) -> str:
    """How long it still takes, when it may begin, or how long it took."""
    if state_of(job) == "running":
        left = job.status.running.progress.eta_seconds
        return f"{wording.duration(left)} left" if left else wording.took(job)
    if state_of(job) == "paused":
        return ""  # it does not go on, and neither does a clock
    if begins is not None and begins.seconds:
        return f"in {'~' if begins.known else '>'}{wording.duration(begins.seconds)}"
    return wording.took(job)


def _detail(job: pb.Job) -> str:
    if state_of(job) != "running":
        return wording.detail(job)
    shown = pb.Progress()
    shown.CopyFrom(job.status.running.progress)
    shown.eta_seconds = 0  # has a column of its own
    said = (wording.transition(job), wording.on_gpu(job), wording.progress(shown), wording.short(job))
    return ", ".join(filter(None, said))
