"""Screen Now."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Static

from tui.screens.base import WorkshopScreen


class NowScreen(WorkshopScreen):
    """Not drawn yet."""

    place = "now"
    screen_title = "Now"

    def body(self) -> ComposeResult:
        yield Static("This screen is being built.")
