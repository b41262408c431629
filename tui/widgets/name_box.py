"""A box for a voice or a version, as the command line names them: anna, anna@7, anna@base. ↓ and ↑ go through those there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.binding import Binding
from textual.suggester import SuggestFromList
from textual.widgets import Input

from proto import myna_pb2 as pb


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


def versions_of(voice: pb.Voice) -> list[str]:
    """The voice's versions as a person names them: the voice itself (who speaks now) first, then the newest, at last the base."""
    return [voice.name, *(f"{voice.name}@{number}" for number in range(voice.versions, 0, -1)), f"{voice.name}@base"]


def names_of(voices: Iterable[pb.Voice]) -> list[str]:
    """All voices, then all their versions."""
    every = list(voices)
    return [voice.name for voice in every] + [name for voice in every for name in versions_of(voice)[1:]]
