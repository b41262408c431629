"""The inbox: files that were refused and why, that arrive, settle, or were taken. Bad news first, then the newest."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual.app import ComposeResult

from proto import myna_pb2 as pb
from tui import wording
from tui.dashboard.live import GOING, REFUSED
from tui.dashboard.themes import rich_colour
from tui.output import safe
from tui.widgets.pane import Pane
from tui.widgets.table import Table

COLOURS = {"arriving": "accent", "settling": "accent", "taken": "success", "refused": "error"}


class InboxPane(Pane):
    """One row a file."""

    pane_title = "Inbox"
    pane_help = (
        "Files in var/inbox: arriving (still growing), settling (unchanged, but not for long enough), "
        "taken, known (the same recording was "
        "there already), or refused. A refused file lies in the voice's .refused folder with the "
        "reason beside it; nothing is deleted. It stands here, on top, until you take it out of there."
    )
    DEFAULT_CSS = "InboxPane { height: 1fr; }"

    def compose(self) -> ComposeResult:
        yield Table(("state", "file", "why"), shrinks={"file": 11, "why": 8}, id="inbox")

    def show_files(self, events: Iterable[pb.Event], words: str = "") -> None:
        """Draw these (oldest first), as far as they hold the words."""
        files = [event for event in reversed(list(events)) if _holds(event.inbox, words)]
        files.sort(key=lambda event: (event.inbox.state != REFUSED, event.inbox.state not in GOING))
        table = self.query_one(Table)
        on_top = table.cursor_row <= 0 or not table.has_focus
        table.show_rows([(f"{event.inbox.voice}/{event.inbox.name}", self._cells(event.inbox)) for event in files])
        if on_top:  # else what comes in above would be seen by nobody
            table.move_cursor(row=0, animate=False)
        going = sum(event.inbox.state in GOING for event in files)
        refused = sum(event.inbox.state == REFUSED for event in files)
        counts = [f"{refused} refused" if refused else "", f"{going} arriving" if going else ""]
        self.show_title(", ".join(filter(None, counts)) or ("" if files else "nothing yet"))

    def _cells(self, file: pb.InboxEvent) -> tuple[Text, Text, Text]:
        colour = rich_colour(self.app.theme_variables, COLOURS.get(file.state, "muted"))
        why = file.why or (wording.duration(file.seconds) if file.seconds else "")
        return (
            Text(file.state, style=colour),
            Text(safe(f"{file.voice}/{file.name}".lstrip("/"))),
            Text(safe(why), style="dim"),
        )


def _holds(file: pb.InboxEvent, words: str) -> bool:
    text = f"{file.voice}/{file.name} {file.state} {file.why}".casefold()
    return all(word in text for word in words.casefold().split())
