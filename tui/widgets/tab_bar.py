"""The first line: name, the six screens with their numbers (keys and mouse), and which daemon this is."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import RenderResult
from textual.content import Content
from textual.widget import Widget


class TabBar(Widget):
    """One line; a click on a name goes there."""

    DEFAULT_CSS = """
    TabBar { dock: top; height: 1; background: $panel; color: $text-muted; link-style: none; link-color: $text-muted; }
    """
    can_focus = False

    def __init__(self, names: Sequence[tuple[str, str]], current: str) -> None:
        """names: (mode, title) in the order of their number keys."""
        super().__init__()
        self._names, self._current, self._where = names, current, ""

    def show_place(self, where: str) -> None:
        """Which daemon is looked at."""
        if where != self._where:
            self._where = where
            self.refresh()

    def render(self) -> RenderResult:
        left = [Content.from_markup("[b $accent] myna [/]")]
        for number, (mode, title) in enumerate(self._names, start=1):
            left.append(
                Content.from_markup(
                    f"[b $background on $primary] {number} {title} [/]"  # a link would take the colour of links
                    if mode == self._current
                    else f"[$foreground @click=app.go('{mode}')] [$accent]{number}[/] {title} [/]"
                )
            )
        line = Content("").join(left)
        room = self.size.width - line.cell_length - 1
        if room < len(self._where):
            return line
        return Content.assemble(line, " " * (room - len(self._where)), (self._where, "$muted"))
