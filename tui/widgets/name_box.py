"""A box for a voice or a version, as the command line names them: anna, anna@7, anna@base. ↓ and ↑ go through those
there are."""

from __future__ import annotations

from collections.abc import Sequence

from textual.binding import Binding
from textual.suggester import SuggestFromList
from textual.widgets import Input


class NameBox(Input):
    """One line; what is typed is completed from the names there are (→ takes it)."""

    BINDINGS = [
        Binding("down", "step(1)", "Next name", show=False, id="name.next"),
        Binding("up", "step(-1)", "Name before", show=False, id="name.before"),
    ]

    def __init__(self, placeholder: str = "", *, id: str | None = None) -> None:
        super().__init__(placeholder=placeholder, id=id, compact=True)
        self._names: Sequence[str] = ()

    def offer(self, names: Sequence[str]) -> None:
        """These are the names there are; an empty box takes the first."""
        if list(names) != list(self._names):
            self._names = list(names)
            self.suggester = SuggestFromList(self._names)
            if not self.value and names:
                self.value = names[0]

    def action_step(self, by: int) -> None:
        if not self._names:
            return
        try:
            place = self._names.index(self.value.strip()) + by
        except ValueError:
            place = 0
        self.value = self._names[place % len(self._names)]
