"""A table of few rows that change often: only cells that differ are painted. For many rows, or an order of one's own:
`long_table`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.segment import Segment
from rich.text import Text
from textual.binding import Binding
from textual.coordinate import Coordinate
from textual.events import Resize
from textual.strip import Strip
from textual.widgets import DataTable
from textual.widgets._data_table import ColumnKey, RowDoesNotExist, RowKey

from tui.dashboard.actions import Guarded

Cell = str | Text
ROOMY = 6  #: rows from which on the head of the table has one


class Table(Guarded, DataTable[Cell], inherit_bindings=False):
    """Rows by key. `show_rows` changes only the cells that differ, so that a table may be refreshed often."""

    BINDINGS = [
        Binding("j,down", "cursor_down", "Next row", show=False, id="table.next"),
        Binding("k,up", "cursor_up", "Row before", show=False, id="table.before"),
        Binding("g,home", "scroll_top", "First row", show=False, id="table.first"),
        Binding("G,end", "scroll_bottom", "Last row", show=False, id="table.last"),
        Binding("ctrl+f,pagedown", "page_down", "Next page", show=False, id="table.page-down"),
        Binding("ctrl+b,pageup", "page_up", "Page before", show=False, id="table.page-up"),
        Binding("left", "scroll_left", "Scroll left", show=False, id="table.left"),
        Binding("right", "scroll_right", "Scroll right", show=False, id="table.right"),
        Binding("enter", "select_cursor", "Open row", show=False, id="table.open"),
    ]

    help_title = "In the table"
    DEFAULT_CSS = """
    Table {
        height: 1fr;
        background: transparent;
        scrollbar-size-horizontal: 0;
        & > .datatable--header { background: transparent; color: $text-muted; text-style: none; }
        & > .datatable--cursor { background: $panel; color: $text; }
        &:focus > .datatable--cursor { background: $primary 35%; color: $foreground; text-style: bold; }
        &:ansi > .datatable--header { background: ansi_default; color: ansi_bright_black; }
        &:ansi:focus > .datatable--cursor { background: ansi_blue; color: ansi_bright_white; }
    }
    """

    def __init__(self, head: Sequence[str], *, shrinks: Mapping[str, int] | None = None, id: str | None = None) -> None:
        """`shrinks`: columns that give way where there is no room for all, with the cells that each keeps, in that
        order. What still has no room is scrolled to; "…" stands where a line goes on."""
        super().__init__(id=id, cursor_type="row", zebra_stripes=False, cell_padding=1)
        self._head = head
        self._shrinks = dict(shrinks or {})
        self._shown: dict[str, Sequence[Text]] = {}  #: whole cells, by key
        self._natural: list[int] = [len(name) for name in head]  #: cells that each column would like
        self._widths: list[int] = [*self._natural]  #: that it has

    def on_mount(self) -> None:
        for name, width in zip(self._head, self._widths, strict=True):
            self.add_column(name, key=name, width=width)

    def on_resize(self, event: Resize) -> None:
        self.show_header = event.size.height >= ROOMY
        self._lay_out()

    @property
    def chosen(self) -> str:
        """Key of the row under the cursor; empty when there is none."""
        if not self._shown or self.cursor_row < 0:
            return ""
        try:
            return str(self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value or "")
        except Exception:  # the cursor stands outside while rows go
            return ""

    def show_rows(self, rows: Sequence[tuple[str, Sequence[Cell]]]) -> None:
        """Show these rows (key, cells) in this order. The cursor stays on its row, or where that was."""
        written: dict[str, Sequence[Text]] = {
            key: [Text(cell) if isinstance(cell, str) else cell for cell in cells] for key, cells in rows
        }  # never as markup
        before, self._shown = self._shown, written
        if list(written) == list(before):
            changed = [
                (key, place, cell)
                for key, cells in written.items()
                for place, (cell, old) in enumerate(zip(cells, before[key], strict=True))
                if cell != old
            ]
            self._measure((place, cell) for _, place, cell in changed)
            self._lay_out()
            for key, place, cell in changed:
                self._put(key, place, cell)
        else:
            chosen, place = self._key_at_cursor(before), self.cursor_row
            self.clear()
            self._natural = [len(name) for name in self._head]
            self._measure(each for cells in written.values() for each in enumerate(cells))
            self._lay_out()
            for key, cells in written.items():
                self.add_row(*map(_cut, cells, self._widths), key=key)
            self._go_to(chosen, place)

    def choose(self, key: str) -> None:
        """Put the cursor on that row, if it is there."""
        if key != self.chosen:
            self._go_to(key, self.cursor_row)

    def render_line(self, y: int) -> Strip:
        """A line that goes on beyond the edge says so."""
        strip, width = super().render_line(y), self.scrollable_content_region.width
        left, right = self.scroll_x > 0, self.virtual_size.width > self.scroll_offset.x + width
        if not (left or right) or not width or y >= self.virtual_size.height:
            return strip
        head = self.show_header and y == 0
        parts = [strip.crop(1 if left else 0, width - 1 if right else width)]
        style = self.get_component_rich_style("datatable--header")
        if left:
            parts.insert(0, Strip([Segment("←" if head else "…", style)], 1))
        if right:
            parts.append(Strip([Segment("→" if head else "…", style)], 1))
        return Strip.join(parts).adjust_cell_length(self.size.width)

    # ---------------------------------------------------------------------------------------------- widths

    def _measure(self, cells: Iterable[tuple[int, Text]]) -> None:
        """Note how wide columns would like to be, from (place of the column, cell).

        They do not become narrower while the rows stay: a table whose columns move with each figure cannot be read.
        """
        for place, cell in cells:
            if cell.cell_len > self._natural[place]:
                self._natural[place] = cell.cell_len

    def _lay_out(self) -> None:
        """Give each column its width, and cut its cells to it."""
        shown = len(self._shown) + (1 if self.show_header else 0)
        room = self.content_region.width - (1 if shown > self.content_region.height else 0)
        widths = fitted(dict(zip(self._head, self._natural, strict=True)), self._shrinks, room - 2 * len(self._head))
        if widths == self._widths or not self.columns:
            return
        self._widths = widths
        for column, width in zip(self.ordered_columns, widths, strict=True):
            column.width = width
        for key, cells in self._shown.items():
            if key in self._data:
                for name, cell, width in zip(self._head, cells, widths, strict=True):
                    self._data[RowKey(key)][ColumnKey(name)] = _cut(cell, width)
        self._update_count += 1
        self._require_update_dimensions = True
        self._clear_caches()
        self.refresh()

    def _put(self, key: str, place: int, cell: Text) -> None:
        """Change one cell. Textual's own way paints the whole table for it, which is most of what a live table would
        send."""
        self._data[RowKey(key)][ColumnKey(self._head[place])] = _cut(cell, self._widths[place])
        self._update_count += 1
        self.refresh_coordinate(Coordinate(self.get_row_index(key), place))

    # ---------------------------------------------------------------------------------------------- the cursor

    def _key_at_cursor(self, rows: Mapping[str, Sequence[Text]]) -> str:
        """Key of the row of `rows` that the cursor stands on."""
        return list(rows)[self.cursor_row] if 0 <= self.cursor_row < len(rows) else ""

    def _go_to(self, key: str, place: int) -> None:
        try:
            row = self.get_row_index(key) if key else place
        except RowDoesNotExist:
            row = place
        if self.row_count:
            self.move_cursor(row=min(max(row, 0), self.row_count - 1), animate=False)


def fitted(natural: Mapping[str, int], shrinks: Mapping[str, int], room: int) -> list[int]:
    """Widths of columns, in cells: what each would like, less what is missing of `room`, taken from those that shrink,
    one after another, each down to what it keeps."""
    widths = dict(natural)
    missing = sum(widths.values()) - room
    for name, least in shrinks.items():
        given = min(max(missing, 0), max(widths[name] - least, 0))
        widths[name] -= given
        missing -= given
    return list(widths.values())


def _cut(cell: Text, width: int) -> Text:
    """The cell in so many cells, with an ellipsis where something is missing."""
    if cell.cell_len <= width:
        return cell
    shown = cell.copy()
    shown.truncate(width, overflow="ellipsis")
    return shown
