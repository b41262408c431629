"""One line to be written anew: Enter keeps it, Esc leaves it as it was."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label


class EditTextScreen(ModalScreen[str | None], inherit_bindings=False):
    """The new text, or None when nothing is to change."""

    BINDINGS = [
        Binding("enter", "keep", "Save", id="edit.keep", priority=True),
        Binding("escape", "leave", "Cancel", id="edit.leave"),
    ]
    DEFAULT_CSS = """
    EditTextScreen {
        align: center middle;
        & > Vertical {
            width: 90%; max-width: 120; height: auto; border: round $primary;
            background: $surface; padding: 0 1;
        }
        & Label { color: $text-muted; width: 100%; }
    }
    """

    def __init__(self, title: str, text: str, note: str = "") -> None:
        super().__init__()
        self._title, self._text, self._note = title, text, note

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._title
            box.border_subtitle = "Enter saves · Esc cancels"
            if self._note:
                yield Label(self._note, markup=False)
            yield Input(self._text, select_on_focus=False, compact=True)

    def action_keep(self) -> None:
        text = " ".join(self.query_one(Input).value.split())
        self.dismiss(text if text and text != self._text else None)

    def action_leave(self) -> None:
        self.dismiss(None)
