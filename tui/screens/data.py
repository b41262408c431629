"""Screen Data."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Static

from tui.screens.base import WorkshopScreen


class DataScreen(WorkshopScreen):
    """Not drawn yet."""

    place = "data"
    screen_title = "Data"

    def body(self) -> ComposeResult:
        yield Static("This screen is being built.")
