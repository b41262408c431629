"""One question before something is lost: what will happen, yes or no. `await app.confirm(...)`."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Label


class ConfirmScreen(ModalScreen[bool], inherit_bindings=False):
    """True when the person says yes. Enter presses the button that has the focus, which is No at first."""

    BINDINGS = [
        Binding("y", "answer(True)", "Yes", show=False, id="confirm.yes"),
        Binding("n,escape", "answer(False)", "No", show=False, id="confirm.no"),
        Binding("tab,right,l", "app.focus_next", "Other button", show=False, id="confirm.next"),
        Binding("shift+tab,left,h", "app.focus_previous", "Other button", show=False, id="confirm.before"),
    ]
    DEFAULT_CSS = """
    ConfirmScreen {
        align: center middle;
        & > Vertical {
            width: 60; max-width: 90%; height: auto; border: round $warning;
            background: $surface; padding: 1 2;
        }
        & Label { width: 100%; }
        & #question { text-style: bold; }
        & #consequence { color: $text-muted; margin: 1 0; }
        & Horizontal { height: 1; align-horizontal: right; }
        & Button { margin-left: 2; }
    }
    """

    def __init__(self, question: str, consequence: str = "", yes: str = "Yes", no: str = "No") -> None:
        super().__init__()
        self._texts = question, consequence
        self._buttons = yes, no

    def compose(self) -> ComposeResult:
        question, consequence = self._texts
        yes, no = self._buttons
        with Vertical():
            yield Label(question, id="question", markup=False)
            if consequence:
                yield Label(consequence, id="consequence", markup=False)
            with Horizontal():
                yield Button(f"{yes} (y)", id="yes", variant="warning", compact=True)
                yield Button(f"{no} (n)", id="no", compact=True)

    def on_mount(self) -> None:
        self.query_one("#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)
