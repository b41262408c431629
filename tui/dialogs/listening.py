"""A screen over another one on which clips are listened to from a table."""

from __future__ import annotations

from typing import TypeVar

from textual.binding import Binding
from textual.screen import ModalScreen

from tui.dashboard.actions import Guarded, asks
from tui.dashboard.host import Host
from tui.widgets.playing_line import PlayingLine

#: What a screen closes with; None: with nothing.
Found = TypeVar("Found")


class ListeningScreen(Guarded, ModalScreen[Found | None], inherit_bindings=False):
    """What plays stands in a line of its own; Esc stops it, and closes in silence. It has a Vertical with a `#table`,
    and a PlayingLine."""

    BINDINGS = [Binding("escape", "leave", "Back", show=False, id="back")]
    DEFAULT_CSS = """
    ListeningScreen {
        align: center middle;
        & > Vertical {
            width: 96%; max-width: 120; height: auto; max-height: 94%;
            border: round $primary; background: $surface; padding: 0 1;
        }
        & #table { height: auto; }
        & Table { height: auto; min-height: 6; max-height: 12; }
    }
    """

    app: Host  # type: ignore[assignment]

    @asks
    async def action_leave(self) -> None:
        playing = self.query_one(PlayingLine)
        if playing.sounds:
            await playing.stop()
        else:
            self.dismiss(None)
