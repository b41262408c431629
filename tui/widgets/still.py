"""Text that is painted again only when it says something else: what a far terminal need not be sent, costs nothing."""

from __future__ import annotations

from textual.content import Content
from textual.events import Resize
from textual.widget import Widget


class Still(Widget):
    """Subclasses say what stands here (`lines`) and call `look` when that may have changed."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines = Content("")

    def lines(self, width: int, height: int) -> Content:
        """What stands here, in so many cells."""
        raise NotImplementedError

    def look(self) -> None:
        """Paint, if it differs."""
        if self.size:
            lines = self.lines(*self.size)
            if (lines.plain, lines.spans) != (self._lines.plain, self._lines.spans):
                self._lines = lines
                self.refresh()

    def on_resize(self, event: Resize) -> None:
        self.look()

    def render(self) -> Content:
        return self._lines
