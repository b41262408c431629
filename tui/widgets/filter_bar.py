"""The line that `/` opens: what is typed narrows the pane; Enter keeps it, Esc takes it away."""

from __future__ import annotations

from textual.binding import Binding
from textual.message import Message
from textual.widgets import Input


class FilterBar(Input, inherit_bindings=True):
    """Hidden until asked for."""

    BINDINGS = [
        Binding("escape", "clear", "Clear the filter", show=False, id="filter.clear"),
        Binding("enter", "keep", "Keep the filter", show=False, id="filter.keep"),
    ]
    DEFAULT_CSS = """
    FilterBar { display: none; border: none; height: 1; padding: 0 1; background: $boost; &.-open { display: block; } }
    """

    class Typed(Message):
        """The text to filter by changed."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """The person is done with the line."""

    def __init__(self) -> None:
        super().__init__(
            placeholder="filter: type words that a row must hold", id="filter-bar", compact=True, disabled=True
        )

    def open(self) -> None:
        """Show the line and type into it."""
        self.disabled = False
        self.add_class("-open")
        self.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Typed(event.value))

    def action_clear(self) -> None:
        self.value = ""
        self._leave()

    def action_keep(self) -> None:
        self._leave()

    def _leave(self) -> None:
        self.set_class(bool(self.value), "-open")
        self.disabled = True
        self.post_message(self.Left())
