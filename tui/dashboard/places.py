"""The six screens by name, in the order of their number keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from textual.screen import Screen


@dataclass(frozen=True)
class Place:
    """One of the screens."""

    name: str  #: module in `tui.screens`, and Textual's mode
    title: str

    def make(self) -> Screen[None]:
        """The screen, whose module is loaded only now: the first picture comes sooner."""
        module = import_module(f"tui.screens.{self.name}")
        made: Callable[[], Screen[None]] = getattr(module, f"{self.title}Screen")
        return made()


PLACES = (
    Place("now", "Now"),
    Place("voices", "Voices"),
    Place("listen", "Listen"),
    Place("data", "Data"),
    Place("say", "Say"),
    Place("runs", "Runs"),
)
