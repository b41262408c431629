"""Screen Voices."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Static

from tui.screens.base import WorkshopScreen


class VoicesScreen(WorkshopScreen):
    """Not drawn yet."""

    place = "voices"
    screen_title = "Voices"

    def body(self) -> ComposeResult:
        yield Static("This screen is being built.")
