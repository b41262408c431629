"""Experiments on the screen Runs: which there are, the trials of one, and score against cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from proto import myna_pb2 as pb
from proto.channel import ClientError
from tui import wording
from tui.dashboard.actions import Guarded, asks, changes
from tui.dashboard.host import Host
from tui.dashboard.themes import rich_colour
from tui.drawing.picture import Picture
from tui.drawing.scatter import Mark, scatter
from tui.output import safe
from tui.widgets.picture import PictureWidget
from tui.widgets.table import Cell, Table

LISTED = 200  #: experiments
HEAD = ("voice", "n", "state", "trials", "took", "settings")
TRIALS = ("trial", "", "state", "score", "surely", "clips heard", "took", "made", "settings", "why")
NOTHING = "No experiments yet. `myna experiment VOICE --set learning_rate=1e-5..1e-4` begins one."


class FrontPicture(PictureWidget):
    """Score against cost."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "picture--axis", "picture--note", "picture--front", "picture--trial", "picture--beyond", "picture--best",
    }  # fmt: skip
    DEFAULT_CSS = """
    FrontPicture {
        height: 1fr; min-height: 6;
        & > .picture--axis, & > .picture--note { color: $text-muted; }
        & > .picture--front { color: $success; }
        & > .picture--trial { color: $foreground; }
        & > .picture--beyond { color: $error; }
        & > .picture--best { color: $success; text-style: bold reverse; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.marks: Sequence[Mark] = ()

    def draw(self, width: int, height: int) -> Picture:
        return scatter(self.marks, width, height, "clips heard")


class ExperimentsScreen(Guarded, ModalScreen[None], inherit_bindings=False):
    """Over the screen Runs; the experiment under the cursor is shown below the list."""

    BINDINGS = [
        Binding("escape,q", "leave", "Close", show=False, id="experiments.leave"),
        Binding("a", "apply", "Apply", show=False, id="experiments.apply", tooltip="Write into the voice's voice.toml"),
        Binding("r", "look", "Look again", show=False, id="experiments.look"),
        Binding("tab", "app.focus_next", "Next table", show=False, id="experiments.next"),
    ]
    help_title = "Experiments"
    DEFAULT_CSS = """
    ExperimentsScreen {
        align: center middle;
        & > Vertical {
            width: 96%; max-width: 170; height: 94%;
            border: round $primary; background: $surface; padding: 0 1;
        }
        & #list { height: auto; max-height: 6; }
        & #sentence { height: auto; max-height: 4; margin: 1 0; }
        & #trials { height: auto; min-height: 6; max-height: 50%; }
    }
    """

    app: Host  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[str, pb.Experiment] = {}
        self._shown: pb.Experiment | None = None

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Experiments"
            box.border_subtitle = "↑ ↓ choose · a apply · r look again · Esc closes"
            yield Table(HEAD, shrinks={"settings": 12}, id="list")
            yield Static("", id="sentence", markup=False)
            yield Table(TRIALS, shrinks={"why": 8, "settings": 16}, id="trials")
            yield FrontPicture()

    def on_mount(self) -> None:
        self.query_one("#list", Table).focus()
        self.action_look()

    def action_leave(self) -> None:
        self.dismiss(None)

    @asks
    async def action_look(self) -> None:
        """Ask the daemon for the list, and for what is under the cursor."""
        found = [one async for one in self.app.client.experiments(limit=LISTED)]
        self._found = {f"{one.voice} {one.number}": one for one in found}
        table = self.query_one("#list", Table)
        table.show_rows([(key, listed(one)) for key, one in self._found.items()])
        if not found:
            self._say(NOTHING)
            return
        await self._show(self._found[table.chosen or next(iter(self._found))])

    @asks
    async def action_show(self) -> None:
        """Show the experiment under the cursor."""
        chosen = self._found.get(self.query_one("#list", Table).chosen)
        if chosen is not None and (self._shown is None or self._shown.id != chosen.id):
            await self._show(chosen)

    @changes
    async def action_apply(self) -> None:
        if self._shown is None:
            return
        try:
            done = await self.app.client.apply_experiment(self._shown.voice, self._shown.number)
        except ClientError as problem:
            self._say(f"{problem.sentence} {problem.hint}", "$error")
            return
        said = ", ".join(f"{name} = {value}" for name, value in done.settings.items())
        self._say(f"{self._shown.voice}'s voice.toml has the settings of trial {done.trial} now: {said}.", "$success")

    def on_data_table_row_highlighted(self, event: Table.RowHighlighted) -> None:
        event.stop()
        if event.data_table.id == "list":
            self.action_show()

    def _say(self, sentence: str, colour: str = "") -> None:
        self.query_one("#sentence", Static).update(Content.assemble((safe(sentence), colour)))

    async def _show(self, one: pb.Experiment) -> None:
        shown = self._shown = await self.app.client.experiment(one.voice, one.number)
        self._say(" ".join(filter(None, (shown.sentence, spent(shown)))))
        good = rich_colour(self.app.theme_variables, "success")
        rows = [(str(trial.number), trial_cells(shown, trial, good)) for trial in shown.trials]
        self.query_one("#trials", Table).show_rows(rows)
        picture = self.query_one(FrontPicture)
        picture.marks = marks(shown)
        picture.redraw()


def listed(one: pb.Experiment) -> list[Cell]:
    """An experiment as a row."""
    settings = ", ".join(f"{setting.name}={setting.values}" for setting in one.space)
    state = wording.experiment_state(one.state)
    return [
        safe(one.voice), str(one.number), state, str(one.trials_wanted), wording.took_and_cost(one),
        safe(settings),
    ]  # fmt: skip


def spent(one: pb.Experiment) -> str:
    """What it cost, in a sentence; empty where no price is known."""
    if not one.HasField("money"):
        return ""
    budget = wording.budget(one)
    return f"It took {wording.took_and_cost(one)}{f', within a budget of {budget}' if budget else ''}."


def trial_cells(found: pb.Experiment, one: pb.Trial, good: str) -> list[Cell]:
    """A trial as a row."""
    best = one.number == found.recommended
    sure = f"{one.low:+.2f} to {one.high:+.2f}" if one.HasField("low") and one.HasField("high") else ""
    mark = "★" if best else "*" if one.on_front else ""
    return [
        str(one.number),
        Text(mark, style=good),
        wording.trial_state(one.state),
        f"{one.score:+.2f}" if one.HasField("score") else "",
        sure,
        f"{one.clips:,}" if one.clips else "",
        wording.took_and_cost(one) if one.seconds else "",
        f"@{one.version}" if one.version else "",
        safe(" ".join(f"{setting.name}={one.settings[setting.name]}" for setting in found.space)),
        safe(wording.trial_note(one)),
    ]


def marks(found: pb.Experiment) -> list[Mark]:
    """Its trials that have a score."""
    return [
        Mark(
            one.clips,
            one.score,
            str(one.number),
            "best" if one.number == found.recommended else "beyond" if one.beyond_limit else "trial",
            one.on_front,
        )
        for one in found.trials
        if one.HasField("score")
    ]
