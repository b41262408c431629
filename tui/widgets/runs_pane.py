"""All runs as a table: choose some to lay over each other, resume one, repeat one with changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message

from proto import myna_pb2 as pb
from proto.channel import ClientError
from proto.messages import state_of
from tui.dashboard.actions import changes
from tui.dashboard.run_rows import HEAD, SHRINKS, cells, settings
from tui.dashboard.themes import rich_colour
from tui.widgets.pane import Pane
from tui.widgets.table import Cell, Table

if TYPE_CHECKING:
    from tui.dashboard.host import Host

MOST = 5  #: runs over one: more colours than that cannot be told apart
#: Of a run with adapters, besides their rank and what they are on.
ADAPTERS = ("lora_alpha", "lora_dropout")
COLOURS = {"running": "accent", "failed": "error", "paused": "warning"}


class RunsPane(Pane):
    """The table, and actions on the row under the cursor."""

    pane_title = "Runs"
    pane_help = (
        "Every training, newest first: where it began, the lowest held-out loss and its step, the "
        "settings that matter most, what "
        "version it made. Space chooses a run: its curve stays in the chart while the cursor moves on."
    )
    BINDINGS = [
        Binding(
            "space", "choose", "choose", id="runs.choose", tooltip="Keep the run's curve in the chart; again: let it go"
        ),
        Binding("n", "none", "none", id="runs.none", show=False, tooltip="Choose none"),
        Binding(
            "r",
            "resume",
            "resume",
            id="runs.resume",
            tooltip="A paused run goes on; a failed or cancelled one from its last checkpoint",
        ),
        Binding(
            "e",
            "repeat",
            "repeat",
            id="runs.repeat",
            tooltip="Train again with the same settings, or with some of them changed",
        ),
        Binding(
            "c",
            "checkpoints",
            "checkpoints",
            id="runs.checkpoints",
            tooltip="How the run's checkpoints sounded, and which was chosen; lines to hear at each",
        ),
    ]
    DEFAULT_CSS = "RunsPane { height: 1fr; }"

    app: Host  # type: ignore[assignment]

    class Chosen(Message):
        """Which runs are to be drawn: the one under the cursor, and those laid over it."""

        def __init__(self, run: int, others: tuple[int, ...]) -> None:
            super().__init__()
            self.run, self.others = run, others

    def __init__(self) -> None:
        super().__init__()
        self._runs: Sequence[pb.Run] = ()
        self._jobs: Mapping[int, pb.Job] = {}
        self._kept: list[int] = []
        self._filter_text = ""
        self._posted: tuple[int, tuple[int, ...]] = (0, ())

    def compose(self) -> ComposeResult:
        yield Table(("", "state", *HEAD), shrinks=SHRINKS, id="runs")

    def show_runs(self, runs: Sequence[pb.Run], jobs: Mapping[int, pb.Job]) -> None:
        """Draw these; `jobs` by the number of their run, as far as they are known."""
        self._runs, self._jobs = runs, jobs
        rows = [(str(run.id), self._cells(run)) for run in runs]
        rows = [
            (key, row)
            for key, row in rows
            if all(word in " ".join(map(str, row)).casefold() for word in self._filter_text.split())
        ]
        self.query_one(Table).show_rows(rows)
        chosen = f", {len(self._kept)} chosen" if self._kept else ""
        self.show_title(f"{len(rows)}{chosen}" if runs else "none yet: a training makes the first")

    def filter(self, words: str) -> None:
        """Only runs whose row holds these words."""
        self._filter_text = words.casefold()
        self.show_runs(self._runs, self._jobs)

    def post_chosen(self, *, again: bool = False) -> None:
        """Say what is to be drawn, if that is new."""
        run = int(self.query_one(Table).chosen or 0)
        chosen = run, tuple(number for number in self._kept if number != run)
        if chosen != self._posted or again:
            self._posted = chosen
            self.post_message(self.Chosen(*chosen))

    def on_data_table_row_highlighted(self, event: Table.RowHighlighted) -> None:
        event.stop()
        self.post_chosen()

    def on_data_table_row_selected(self, event: Table.RowSelected) -> None:
        event.stop()
        self.action_choose()

    def _cells(self, run: pb.Run) -> list[Cell]:
        state = self._state(run)
        colour = rich_colour(self.app.theme_variables, COLOURS.get(state, "muted"))
        kept = Text("●" if run.id in self._kept else " ", style=rich_colour(self.app.theme_variables, "primary"))
        return [kept, Text(state, style=colour), *cells(run)]

    def _state(self, run: pb.Run) -> str:
        job = self._jobs.get(run.id)
        if job is not None:
            state = state_of(job)
            return {"succeeded": "done", "queued": "waiting"}.get(state, state)
        return "done" if run.ended.seconds else ""

    # ---------------------------------------------------------------------------------------------- actions

    @property
    def _run(self) -> pb.Run | None:
        number = self.query_one(Table).chosen
        return next((run for run in self._runs if str(run.id) == number), None)

    def action_choose(self) -> None:
        run = self._run
        if run is None:
            return
        if run.id in self._kept:
            self._kept.remove(run.id)
        elif len(self._kept) < MOST:
            self._kept.append(run.id)
        else:
            self.app.say(f"At most {MOST} at once; n lets all go.", "warning")
        self.show_runs(self._runs, self._jobs)
        self.post_chosen()

    def action_none(self) -> None:
        self._kept.clear()
        self.show_runs(self._runs, self._jobs)
        self.post_chosen()

    def action_checkpoints(self) -> None:
        from tui.dialogs.checkpoints import CheckpointsScreen

        if (run := self._run) is not None:
            self.app.push_screen(CheckpointsScreen(run.id))

    @changes
    async def action_resume(self) -> None:
        run = self._run
        if run is None:
            return
        job = await self.app.client.job(run.job)
        state = state_of(job)
        if state == "paused":
            await self.app.client.resume(job.id)
        elif state in ("failed", "cancelled"):
            await self.app.client.retry(job.id)
        else:
            sentence = f"Run #{run.id} {'has succeeded' if state == 'succeeded' else 'is running or waiting already'}."
            raise ClientError(sentence, "e repeats it with changes.", "FAILED_PRECONDITION")
        self.app.say(f"Run #{run.id} goes on, from its last checkpoint.")

    @changes
    async def action_repeat(self) -> None:
        from tui.dialogs.train import TrainScreen, Wanted

        run = self._run
        if run is not None:
            parent = "base" if run.way == pb.RUN_WAY_BASE else str(run.from_version or "base")
            begin = Wanted(run.voice, run.dataset, parent, repeated(run))
            await TrainScreen.ask(self.app, begin=begin, title=f"Repeat run #{run.id}, with changes if you like")


def repeated(run: pb.Run) -> tuple[tuple[str, Any], ...]:
    """The run's settings that a form can hold, to be asked for again."""
    chosen = settings(run)
    names = ("steps", "learning_rate", "batch_size", "lora_rank", "seed")
    found = [(name, chosen[name]) for name in names if isinstance(chosen.get(name), int | float)]
    if run.steps and "steps" not in chosen:
        found.insert(0, ("steps", run.steps))
    adapters = {name: str(chosen[name]) for name in ADAPTERS if chosen.get("lora_rank") and name in chosen}
    if targets := chosen.get("lora_targets"):
        adapters["lora_targets"] = ",".join(map(str, targets))
    return (*found, ("engine", adapters)) if adapters else tuple(found)
