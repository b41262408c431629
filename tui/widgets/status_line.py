"""The last line: that the daemon is lost and what is done about it, else the keys that work everywhere."""

from __future__ import annotations

from textual.app import RenderResult
from textual.content import Content
from textual.widget import Widget

from tui.dashboard.live import Link

LOST = "Lost the daemon: this is the last picture, asking again."
REMEDY = "Lost the daemon: this is the last picture."  #: where a key starts it again


class StatusLine(Widget):
    """One line."""

    DEFAULT_CSS = """
    StatusLine {
        dock: bottom; height: 1; background: $panel; color: $text-muted; padding: 0 1;
        &.-lost { background: $error; color: $background; text-style: bold; }
    }
    """
    can_focus = False

    def __init__(self) -> None:
        super().__init__()
        self._link = Link(up=True)
        self._keys: list[tuple[str, str]] = []
        self._readonly = False
        self._remedy = ""

    def show_state(self, link: Link, keys: list[tuple[str, str]], readonly: bool, remedy: str = "") -> None:
        """Say how the connection is; `keys` are (key, what it does); `remedy` is the key that starts a lost daemon."""
        if (link, keys, readonly, remedy) != (self._link, self._keys, self._readonly, self._remedy):
            self._link, self._keys, self._readonly, self._remedy = link, keys, readonly, remedy
            self.set_class(not link.up and bool(link.since), "-lost")
            self.refresh()

    def render(self) -> RenderResult:
        if not self._link.up and self._link.since:
            lost = f"{REMEDY} {self._remedy} starts it." if self._remedy else LOST
            return Content(f"{lost}  {self._link.sentence} {self._link.hint}")
        if not self._link.up:
            return Content(self._link.sentence)
        parts: list[str | tuple[str, str]] = [("read-only  ", "b $warning")] if self._readonly else []
        for key, words in self._keys:
            parts += [(key, "$accent"), f" {words}  "]
        return Content.assemble(*parts)
