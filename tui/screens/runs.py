"""Screen Runs."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Static

from tui.screens.base import WorkshopScreen


class RunsScreen(WorkshopScreen):
    """Not drawn yet."""

    place = "runs"
    screen_title = "Runs"

    def body(self) -> ComposeResult:
        yield Static("This screen is being built.")
