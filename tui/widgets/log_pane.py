"""The log of one job, as it is written."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import RichLog

from proto import myna_pb2 as pb
from tui import wording
from tui.dashboard.themes import rich_colour
from tui.output import safe
from tui.widgets.pane import Pane

LINES = 1_000  #: lines kept
COLOURS = {"warning": "warning", "error": "error"}


class LogLines(RichLog, inherit_bindings=False):
    """The lines; stays at the end unless scrolled away from it."""

    BINDINGS = [
        Binding("j,down", "scroll_down", "Down", show=False, id="log.down"),
        Binding("k,up", "scroll_up", "Up", show=False, id="log.up"),
        Binding("g,home", "scroll_home", "First line", show=False, id="log.first"),
        Binding("G,end", "scroll_end", "Last line, and stay there", show=False, id="log.last"),
        Binding("ctrl+f,pagedown", "page_down", "Page down", show=False, id="log.page-down"),
        Binding("ctrl+b,pageup", "page_up", "Page up", show=False, id="log.page-up"),
    ]
    help_title = "In the log"
    DEFAULT_CSS = "LogLines { background: transparent; height: 1fr; scrollbar-size-horizontal: 0; }"


class LogPane(Pane):
    """Shows what it is given with `write`."""

    pane_title = "Log"
    pane_help = "What the job's worker writes, all its attempts, newest at the bottom."
    DEFAULT_CSS = "LogPane { height: 1fr; }"

    def compose(self) -> ComposeResult:
        yield LogLines(max_lines=LINES, wrap=False, markup=False, auto_scroll=True)

    def begin(self, title: str) -> None:
        """Another job: an empty log."""
        self.query_one(LogLines).clear()
        self.show_title(title)

    def write(self, line: pb.LogLine) -> None:
        """One more line."""
        log = self.query_one(LogLines)
        colour = rich_colour(self.app.theme_variables, COLOURS.get(line.level, ""))
        for text in line.text.splitlines() or [""]:
            at_end = log.is_vertical_scroll_end
            log.write(
                Text.assemble((f"{wording.moment(line.time)} ", "dim"), (safe(text), colour)),
                scroll_end=at_end,
                animate=False,
            )
