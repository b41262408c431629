"""Screen Listen."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Static

from tui.screens.base import WorkshopScreen


class ListenScreen(WorkshopScreen):
    """Not drawn yet."""

    place = "listen"
    screen_title = "Listen"

    def body(self) -> ComposeResult:
        yield Static("This screen is being built.")
