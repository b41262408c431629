"""A table of any number of rows: only the lines that are seen are drawn, and a column sorts it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.events import Click, Resize
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.dashboard.actions import Guarded
from tui.output import safe

Row = TypeVar("Row")
GAP = 1  #: cells between two columns


@dataclass(frozen=True)
class Column(Generic[Row]):
    """What a column shows of a row. One column of a table may have width 0: it takes what the others leave."""

    name: str
    width: int  #: cells
    cell: Callable[[Row], str]
    order: Callable[[Row], Any] | None = None  #: what to sort by; None: by the cell's text
    right: bool = False  #: numbers stand to the right
    room: int = 0  #: shown only when the table is at least so wide
    role: Callable[[Row], str] | None = None  #: "good", "bad", "dim" or "": the cell's colour


class LongTable(Guarded, ScrollView, Generic[Row], can_focus=True, inherit_bindings=False):
    """Rows of any type, each with a key. The cursor stays on its row while rows come, go and change places."""

    help_title = "List"
    BINDINGS = [
        Binding("j,down", "move(1)", "Next row", show=False, id="table.next"),
        Binding("k,up", "move(-1)", "Row before", show=False, id="table.before"),
        Binding("g,home", "edge('first')", "First row", show=False, id="table.first"),
        Binding("G,end", "edge('last')", "Last row", show=False, id="table.last"),
        Binding("ctrl+f,pagedown", "page(1)", "Next page", show=False, id="table.page-down"),
        Binding("ctrl+b,pageup", "page(-1)", "Page before", show=False, id="table.page-up"),
        Binding("s", "sort_next", "Sort by the next column", show=False, id="table.sort"),
        Binding("S", "sort_turn", "Sort the other way round", show=False, id="table.sort-turn"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"long-table--{role}" for role in ("head", "sorted", "cursor", "banner", "good", "bad", "dim")
    }
    DEFAULT_CSS = """
    LongTable {
        height: 1fr; background: transparent; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1;
        & > .long-table--head { color: $text-muted; }
        & > .long-table--sorted { color: $foreground; text-style: bold; }
        & > .long-table--cursor { background: $panel; color: $text; }
        & > .long-table--banner { text-style: bold; }
        & > .long-table--good { color: $success; }
        & > .long-table--bad { color: $error; }
        & > .long-table--dim { color: $text-muted; }
        &:focus > .long-table--cursor { background: $primary; color: $background; }
    }
    """

    class Moved(Message):
        """The cursor stands on another row (or on one that changed)."""

    class Sorted(Message):
        """The person asked for another order."""

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        key: Callable[[Row], Hashable],
        *,
        banner: Callable[[Row], str] | None = None,
        sortable: bool = True,
        id: str | None = None,
    ) -> None:
        """`banner`: what a row says over all columns, where it is not empty."""
        super().__init__(id=id)
        self._columns, self._key, self._banner, self._sortable = columns, key, banner, sortable
        self._rows: Sequence[Row] = ()
        self._cursor = 0
        self.sort_column: str = ""  #: name of the column that orders the rows; empty: as they come
        self.sort_down = False  #: the greatest first

    # ---------------------------------------------------------------------------------------------- rows

    @property
    def rows(self) -> Sequence[Row]:
        """What is shown, in its order."""
        return self._rows

    @property
    def chosen(self) -> Row | None:
        """The row under the cursor."""
        return self._rows[self._cursor] if self._cursor < len(self._rows) else None

    def show_columns(self, columns: Sequence[Column[Row]]) -> None:
        """Show other columns of the same rows."""
        self._columns = columns
        self.refresh()

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Show these rows, in the order that the person chose."""
        before = self.chosen
        column = next((one for one in self._columns if one.name == self.sort_column), None)
        if column is not None:
            rows = sorted(rows, key=column.order or column.cell, reverse=self.sort_down)
        self._rows = rows
        self.virtual_size = Size(self.size.width, len(rows) + 1)
        place = self._cursor
        if before is not None:
            wanted = self._key(before)
            if not (place < len(rows) and self._key(rows[place]) == wanted):
                place = next((n for n, row in enumerate(rows) if self._key(row) == wanted), place)
        self._cursor = max(0, min(place, len(rows) - 1))
        self._follow()
        self.refresh()
        if self.chosen != before:
            self.post_message(self.Moved())

    def go_to(self, key: Hashable) -> None:
        """Put the cursor on the row of that key, if it is shown."""
        self._go(next((n for n, row in enumerate(self._rows) if self._key(row) == key), self._cursor))

    # ---------------------------------------------------------------------------------------------- keys and pointer

    def action_move(self, by: int) -> None:
        self._go(self._cursor + by)

    def action_edge(self, which: str) -> None:
        self._go(0 if which == "first" else len(self._rows) - 1)

    def action_page(self, by: int) -> None:
        self._go(self._cursor + by * max(1, self.size.height - 2))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Rows whose order means something are not sorted."""
        return False if action.startswith("sort_") and not self._sortable else super().check_action(action, parameters)

    def action_sort_next(self) -> None:
        """The next column in turn, at the end of which the rows stand as they came."""
        names = ["", *(column.name for column, _ in self._widths())]
        place = names.index(self.sort_column) if self.sort_column in names else 0
        self._sort_by(names[(place + 1) % len(names)], False)

    def action_sort_turn(self) -> None:
        self._sort_by(self.sort_column, not self.sort_down)

    def on_click(self, event: Click) -> None:
        if event.y > 0:
            self._go(event.y - 1 + self.scroll_offset.y)
            return
        edge = 0 if self._sortable else self.size.width
        for column, width in self._widths():
            edge += width + GAP
            if event.x < edge:
                self._sort_by(column.name, not self.sort_down if column.name == self.sort_column else False)
                return

    def _sort_by(self, name: str, down: bool) -> None:
        """Who sorts wants to see the extremes: to the top."""
        self.sort_column, self.sort_down = name, down
        self.post_message(self.Sorted())
        self.call_after_refresh(self._go, 0)

    def _go(self, place: int) -> None:
        place = max(0, min(place, len(self._rows) - 1))
        if place != self._cursor:
            self._cursor = place
            self._follow()
            self.refresh()
            self.post_message(self.Moved())

    def _follow(self) -> None:
        """Scroll so that the cursor is seen."""
        top, room = self.scroll_offset.y, max(1, self.size.height - 1)
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, force=True)
        elif self._cursor >= top + room:
            self.scroll_to(y=self._cursor - room + 1, animate=False, force=True)

    # ---------------------------------------------------------------------------------------------- drawing

    def on_resize(self, event: Resize) -> None:
        self.virtual_size = Size(self.size.width, len(self._rows) + 1)
        self._follow()

    def render_line(self, y: int) -> Strip:
        if y == 0:
            return self._head()
        place = self.scroll_offset.y + y - 1
        if place >= len(self._rows):
            return Strip.blank(self.size.width, self.rich_style)
        row, under = self._rows[place], place == self._cursor
        line = self.get_component_rich_style("long-table--cursor") if under else self.rich_style
        if self._banner is not None and (words := self._banner(row)):
            style = line if under else self.get_component_rich_style("long-table--banner")
            return self._strip([Segment(_fit(safe(words), self._room, False), style)], line)
        segments: list[Segment] = []
        for column, width in self._widths():
            role = column.role(row) if column.role is not None and not under else ""
            style = self.get_component_rich_style(f"long-table--{role}") if role else line
            segments += [Segment(_fit(safe(column.cell(row)), width, column.right), style), Segment(" " * GAP, line)]
        return self._strip(segments, line)

    def _head(self) -> Strip:
        plain, bold = (self.get_component_rich_style(f"long-table--{name}") for name in ("head", "sorted"))
        segments: list[Segment] = []
        for column, width in self._widths():
            is_sorted = column.name == self.sort_column
            mark = ("▼" if self.sort_down else "▲") if is_sorted else ""
            segments += [
                Segment(_fit(mark + column.name, width, column.right), bold if is_sorted else plain),
                Segment(" " * GAP, plain),
            ]
        return self._strip(segments, plain)

    def _strip(self, segments: list[Segment], style: Style) -> Strip:
        return Strip(segments).adjust_cell_length(self.size.width, style)

    @property
    def _room(self) -> int:
        """Cells beside the scrollbar, where there is one."""
        width: int = self.scrollable_content_region.width
        return width

    def _widths(self) -> list[tuple[Column[Row], int]]:
        """The columns that there is room for, with their widths."""
        room = self._room
        shown = [column for column in self._columns if column.room <= room]
        taken = sum(column.width + GAP for column in shown)
        return [(column, column.width or max(8, room - taken)) for column in shown]


def _fit(text: str, width: int, right: bool) -> str:
    """Exactly so many cells: filled up, or cut with an ellipsis."""
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, max(0, width - 1)) + "…" if width else ""
    return " " * (width - length) + text if right else text + " " * (width - length)
