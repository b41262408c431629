"""Who speaks in a voice's recordings, on the screen Data: how much each says, a clip of each to hear, and which of them
is the voice's own."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import DataTable, Static

from proto import myna_pb2 as pb
from proto.channel import ClientError
from tui import who_speaks, wording
from tui.dashboard.actions import asks, changes
from tui.dashboard.bindings import offers
from tui.dashboard.clip_sound import clip_sound
from tui.dashboard.themes import rich_colour
from tui.dialogs.listening import ListeningScreen
from tui.drawing.bars import bar
from tui.output import safe
from tui.widgets.playing_line import PlayingLine
from tui.widgets.table import ROOMY as ROOMY_TABLE
from tui.widgets.table import Cell, Table

ROOMY = 120  #: cells from which on all columns have room
HEAD = ("", "whose", "share", "clips", "length", "recordings")
MORE = ("similarity",)


class SpeakersScreen(ListeningScreen[str]):
    """Over the screen Data. Closes with a clip of whom a person had chosen before they chose another one (empty: nobody
    had), or None: all is as it was."""

    BINDINGS = [
        Binding("space", "hear", "hear", id="speakers.hear", tooltip="A clip of the one under the cursor; again: stop"),
        Binding(
            "o", "own", "the voice's own", id="speakers.own", tooltip="The one under the cursor is the voice's own"
        ),
        Binding("0", "as_told", "as the recordings tell", id="speakers.as-told", tooltip="Take back what you said"),
    ]
    help_title = "Speakers"
    DEFAULT_CSS = """
    SpeakersScreen {
        & #clip { height: auto; max-height: 3; &.-full { margin-top: 1; } }
        & #told { height: auto; margin-top: 1; }
    }
    """

    def __init__(self, voice: str) -> None:
        super().__init__()
        self._voice = voice
        self._found = pb.SpeakersReply()

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = safe(f"Who speaks in {self._voice}'s recordings")
            yield Vertical(id="table")
            yield Static("", id="clip", markup=False)
            yield Static("Listening …", id="told", markup=False)
            yield PlayingLine()

    def on_mount(self) -> None:
        self._look()

    @asks
    async def _look(self) -> None:
        box, told = self.query_one(Vertical), self.query_one("#told", Static)
        box.border_subtitle = "Esc closes"
        try:
            found = self._found = await self.app.client.speakers(self._voice)
        except ClientError as problem:
            told.update(Content.assemble((safe(f"{problem.sentence} {problem.hint}"), "$error")))
            return
        told.update(Content.assemble((safe(who_speaks.told(found)), "$warning" if who_speaks.doubtful(found) else "")))
        if not found.speakers:
            return
        roomy = self.app.size.width >= ROOMY
        table = Table((*HEAD, *MORE) if roomy else HEAD)
        await self.query_one("#table").mount(table)
        table.show_rows([(str(number), self._cells(number, roomy=roomy)) for number in self._numbers()])
        self.query_one("#clip").set_class(len(found.speakers) >= ROOMY_TABLE - 1, "-full")
        table.focus()
        keys = [f"{offer.keys[0]} {offer.title}" for offer in offers(self) if offer.binding.show]
        box.border_subtitle = " · ".join((*keys, "Esc closes"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what was said can be taken back, and only of several can one be chosen."""
        if action == "as_told" and not (self._found.by == pb.OWN_SPEAKER_PERSON or self._found.missing):
            return False
        if action == "own" and len(self._found.speakers) < 2:
            return False
        return super().check_action(action, parameters)

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        clip = self._chosen().example
        words = Content.assemble(
            (safe(f"“{clip.text}”") if clip.text else "(no text)", "b"),
            ("\n" + (safe(wording.origin(clip)) if clip.sha256 else "no clip of theirs has sound"), "$muted"),
        )
        self.query_one("#clip", Static).update(words)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_hear()

    # ---------------------------------------------------------------------------------------------- what is done

    @asks
    async def action_hear(self) -> None:
        """Play the clip of the one under the cursor, or stop it where it plays."""
        if not self._found.speakers:
            return
        number, clip = self._number(), self._chosen().example
        if not clip.sha256:
            raise ClientError(f"No clip of speaker {number} has sound.", "", "FAILED_PRECONDITION")
        await self.query_one(PlayingLine).toggle(
            clip.sha256, f"speaker {number}", clip.text, lambda: clip_sound(self.app.client, self._voice, clip.sha256)
        )

    @changes
    async def action_own(self) -> None:
        number = self._number()
        sha256 = who_speaks.example(self._found, number)
        if number == 1 and self._found.by == pb.OWN_SPEAKER_PERSON:
            raise ClientError(f"You said so: speaker 1 is {self._voice}'s own.", "", "FAILED_PRECONDITION")
        consequence = who_speaks.consequence(self._found, number)
        await self._choose(f"Is {self._voice} the voice of speaker {number}?", consequence, sha256)

    @changes
    async def action_as_told(self) -> None:
        await self._choose(f"Let the recordings tell whose voice {self._voice} is?", who_speaks.TAKEN_BACK, "")

    async def _choose(self, question: str, consequence: str, sha256: str) -> None:
        if not await self.app.confirm(question, consequence, yes="Yes"):
            return
        before = self._found.speakers[0].example.sha256 if self._found.by == pb.OWN_SPEAKER_PERSON else ""
        await self.app.client.choose_speaker(self._voice, sha256)
        await self.query_one(PlayingLine).stop()
        self.dismiss(before)

    # ---------------------------------------------------------------------------------------------- the table

    def _numbers(self) -> range:
        return range(1, len(self._found.speakers) + 1)

    def _number(self) -> int:
        """Of the one under the cursor, counted from 1."""
        return int(self.query_one(Table).chosen or 1)

    def _chosen(self) -> pb.Speaker:
        return self._found.speakers[self._number() - 1]

    def _cells(self, number: int, *, roomy: bool) -> list[Cell]:
        one = self._found.speakers[number - 1]
        share = one.seconds / (sum(other.seconds for other in self._found.speakers) or 1.0)
        doubt = who_speaks.doubtful(self._found)
        colour = rich_colour(
            self.app.theme_variables, "muted" if number > 1 else "warning" if doubt else "success"
        )  # as the list of clips has them: what is left out is dim
        cells: list[Cell] = [
            str(number),
            Text(f"{'★ ' if number == 1 else '  '}{who_speaks.whose(self._found, number)}", style=colour),
            Text.assemble(f"{share:>4.0%} ", (bar(share, 32 if roomy else 8), colour)),
            f"{one.clips:>5,}",
            wording.duration(one.seconds),
            f"{one.recordings:>10,}",
        ]
        return [*cells, f"{one.likeness:>10.2f}"] if roomy else cells
