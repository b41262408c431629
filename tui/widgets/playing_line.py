"""The line that stands above the last one while a clip or a held-out line is heard: what plays, where it is, how to
stop it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable

from textual.content import Content
from textual.timer import Timer

from tui import wording
from tui.dashboard.bindings import offers
from tui.dashboard.snippet import Snippet
from tui.output import safe
from tui.track import Track
from tui.widgets.still import Still

TICK = 0.1  #: seconds between two looks at what is played
REST = 52  #: cells that stay for all but the name of what plays: a long file name hides neither position nor key


class PlayingLine(Still):
    """Plays one sound at a time; takes no room while there is silence."""

    DEFAULT_CSS = """
    PlayingLine { display: none; height: 1; padding: 0 1; background: $boost; &.-sounds { display: block; } }
    """
    can_focus = False

    def __init__(self) -> None:
        super().__init__()
        self._snippet = Snippet()
        self._who = self._text = ""
        self._timer: Timer

    def on_mount(self) -> None:
        self._timer = self.set_interval(TICK, self._tick, pause=True)

    @property
    def sounds(self) -> bool:
        """Something is heard, or comes."""
        return self._snippet.playing or self._snippet.coming

    async def toggle(self, what: Hashable, who: str, text: str, fetch: Callable[[], Awaitable[Track]]) -> None:
        """Play what `fetch` brings, or stop it where it plays; people read `who` and `text`. Raises ClientError where
        nothing can be fetched or heard."""
        self._who, self._text = who, text
        self._timer.resume()
        try:
            await self._snippet.toggle(what, fetch)
        finally:
            self._tick()

    async def stop(self) -> None:
        """Be silent."""
        await self._snippet.stop()
        self._tick()

    def _tick(self) -> None:
        if not self.sounds:
            self._timer.pause()
        self.set_class(self.sounds, "-sounds")
        self.look()

    def lines(self, width: int, height: int) -> Content:
        who = Content(safe(self._who)).truncate(max(width - REST, 8), ellipsis=True)
        heard = f"{self._snippet.heard:.1f} of {wording.duration(self._snippet.seconds)}"
        stop = next((offer.keys[0] for offer in offers(self.screen) if offer.binding.id == "back"), "")
        parts: list[str | Content | tuple[str, str]] = [
            ("▶ ", "b $accent"),
            who.stylize("b $accent"),
            "  ",
            "coming …" if self._snippet.coming else heard,
            (f"  {stop}", "$accent"),
            (" stops it" if stop else "", "$text-muted"),
            (f"  “{safe(self._text)}”" if self._text else "", "$text-muted"),
        ]
        return Content.assemble(*parts).truncate(width, ellipsis=True)
