"""Which two versions are heard, and the lines that both say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Label

from tui.dashboard.pair import Line
from tui.output import safe
from tui.widgets.name_box import NameBox
from tui.widgets.pane import Pane
from tui.widgets.table import Table


class LinesPane(Pane):
    """Two boxes for the versions, a table of lines, a box for a line of one's own."""

    DEFAULT_CSS = """
    LinesPane {
        height: 1fr; min-height: 7;
        & > #pair { height: 1; }
        & Label { color: $text-muted; margin-right: 1; }
        & NameBox { width: 15; background: $boost; padding: 0; margin-right: 2; }
        & > Table { height: 1fr; }
        & > #own { background: $boost; padding: 0; }
    }
    """
    screen_keys = ("lines.next", "lines.blind", "lines.choose", "lines.type")
    pane_title = "Lines"
    pane_help = (
        "Held-out lines: neither version has learnt from them; of an undecided version all that its scoring "
        "spoke. Enter hears one; A and B then speak it, what evaluation kept or else anew. "
        "Blind, chance decides for each line which is A, and it is told only after you have voted."
    )

    class Chosen(Message):
        """The person wrote which versions to hear."""

        def __init__(self, one: str, two: str) -> None:
            super().__init__()
            self.one, self.two = one, two

    class Typed(Message):
        """A sentence for both."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def compose(self) -> ComposeResult:
        with Horizontal(id="pair"):
            yield Label("compare")
            yield NameBox("anna@6", id="one")
            yield Label("with")
            yield NameBox("anna@7", id="two")
            yield Label(id="how", markup=False)
        yield Table(("", "line"), shrinks={"line": 20})
        yield Input(placeholder="t, then a sentence of your own; Enter lets both say it", id="own", compact=True)

    # ---------------------------------------------------------------------------------------------- for its owner

    def offer(self, names: Sequence[str]) -> None:
        """The versions there are."""
        for box in self.query(NameBox):
            box.offer(names)

    def show_pair(self, one: str, two: str) -> None:
        """What is compared now."""
        self.query_one("#one", NameBox).value = one
        self.query_one("#two", NameBox).value = two

    def show_how(self, words: str) -> None:
        """Who is heard as A and who as B, in words."""
        self.query_one("#how", Label).update(words)

    def show_lines(self, lines: Sequence[Line], marks: Mapping[str, str]) -> None:
        """All lines; `marks` say what the person thought, by key."""
        self.query_one(Table).show_rows([(line.key, (marks.get(line.key, ""), safe(line.title))) for line in lines])
        rated = sum(line.key in marks for line in lines)
        self.show_title(f"{rated} of {len(lines)}" if lines else "")

    @property
    def at(self) -> str:
        """Key of the line under the cursor."""
        return self.query_one(Table).chosen

    def go_to(self, key: str) -> None:
        """Put the cursor on a line."""
        table = self.query_one(Table)
        table.move_cursor(row=table.get_row_index(key), animate=False)

    # ---------------------------------------------------------------------------------------------- what a person does

    def choose(self) -> None:
        """Into the boxes for versions."""
        self.query_one("#one", NameBox).focus()

    def type(self) -> None:
        """Into the box for a sentence."""
        self.query_one("#own", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.input.id == "own":
            text = " ".join(event.value.split())
            if text:
                event.input.value = ""
                self.post_message(self.Typed(text))
        else:
            self.post_message(self.Chosen(self.query_one("#one", NameBox).value, self.query_one("#two", NameBox).value))
