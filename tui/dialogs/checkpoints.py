"""A run's checkpoints on the screen Runs: what each lost, gained and sounded like, and a few lines to hear as each
said them."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from proto import myna_pb2 as pb
from proto.channel import ClientError
from tui.dashboard import checkpoint_rows
from tui.dashboard.actions import asks
from tui.dialogs.listening import ListeningScreen
from tui.output import safe
from tui.track import Track
from tui.widgets.playing_line import PlayingLine
from tui.widgets.table import Table

LINES = 3  #: keys to hear them by
ROOMY = 120  #: cells from which on all metrics have room


class CheckpointsScreen(ListeningScreen[None]):
    """Over the screen Runs."""

    BINDINGS = [
        Binding("1", "hear(0)", "Hear line 1", show=False, id="checkpoints.hear1"),
        Binding("2", "hear(1)", "Hear line 2", show=False, id="checkpoints.hear2"),
        Binding("3", "hear(2)", "Hear line 3", show=False, id="checkpoints.hear3"),
    ]
    help_title = "Checkpoints"
    DEFAULT_CSS = """
    CheckpointsScreen {
        & #sentence, & #lines { height: auto; margin-top: 1; }
        & #lines { text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    def __init__(self, run: int) -> None:
        super().__init__()
        self._run = run
        self._found = pb.CheckpointsResponse()

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = f"Checkpoints of run #{self._run}"
            yield Vertical(id="table")
            yield Static("", id="sentence", markup=False)
            yield Static("", id="lines", markup=False)
            yield PlayingLine()

    def on_mount(self) -> None:
        self._look()

    @asks
    async def _look(self) -> None:
        found = self._found = await self.app.client.checkpoints(self._run)
        self.query_one("#sentence", Static).update(Content(safe(found.sentence)))
        box = self.query_one(Vertical)
        box.border_subtitle = "Esc closes"
        if not found.checkpoints:
            return
        narrow = self.app.size.width < ROOMY
        columns = checkpoint_rows.infos(found, checkpoint_rows.NARROW if narrow else checkpoint_rows.SHOWN)
        table = Table(checkpoint_rows.head(columns), id="checkpoints")
        await self.query_one("#table").mount(table)
        table.show_rows([(str(one.step), checkpoint_rows.cells(one, columns)) for one in found.checkpoints])
        table.focus()
        shown = [
            Content.assemble((f"{number} ", "$accent"), safe(f"“{line.text}”"))
            for number, line in enumerate(found.lines[:LINES], start=1)
        ]
        self.query_one("#lines", Static).update(Content("\n").join(shown))
        box.border_subtitle = "1 2 3 hear a line · ★ chosen · ↓ lowest loss · Esc closes"

    @asks
    async def action_hear(self, number: int) -> None:
        """Play a line as the checkpoint under the cursor said it, or stop it where it plays."""
        lines, chosen = self._found.lines, self._chosen()
        if chosen is None or number >= len(lines):
            return
        line, step = lines[number], chosen.step
        who = f"step {step:,}" if step else "the start"
        if step not in line.steps:
            raise ClientError(f"The line was not spoken at {who}.", "Choose another checkpoint.", "NOT_FOUND")

        async def fetch() -> Track:
            track = Track()
            await track.fill(self.app.client.checkpoint_sample(self._run, step, line.name))
            track.whole = True
            return track

        await self.query_one(PlayingLine).toggle((step, line.name), who, line.text, fetch)

    def _chosen(self) -> pb.Checkpoint | None:
        """Under the cursor."""
        tables = self.query(Table)
        step = tables.first().chosen if tables else ""
        return next((one for one in self._found.checkpoints if str(one.step) == step), None)
