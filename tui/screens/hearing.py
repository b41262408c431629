"""A screen on which short sounds are heard: clips on Data, held-out lines on Voices."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable

from textual.app import ComposeResult

from tui.dashboard.actions import asks
from tui.screens.base import WorkshopScreen
from tui.track import Track
from tui.widgets.playing_line import PlayingLine


class HearingScreen(WorkshopScreen):
    """What plays stands in a line of its own; Esc stops it, and so does leaving the screen."""

    def beneath(self) -> ComposeResult:
        yield PlayingLine()

    @asks
    async def hear(self, what: Hashable, who: str, text: str, fetch: Callable[[], Awaitable[Track]]) -> None:
        """Play what `fetch` brings, or stop it where it plays: `what` tells one sound from another, people read `who`
        and `text`."""
        await self.query_one(PlayingLine).toggle(what, who, text, fetch)

    def action_leave(self) -> None:
        if self.query_one(PlayingLine).sounds:
            self._silence()
        else:
            super().action_leave()

    @asks
    async def _silence(self) -> None:
        await self.query_one(PlayingLine).stop()

    async def on_screen_suspend(self) -> None:
        await self.query_one(PlayingLine).stop()
