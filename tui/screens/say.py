"""Screen Say."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Static

from tui.screens.base import WorkshopScreen


class SayScreen(WorkshopScreen):
    """Not drawn yet."""

    place = "say"
    screen_title = "Say"

    def body(self) -> ComposeResult:
        yield Static("This screen is being built.")
