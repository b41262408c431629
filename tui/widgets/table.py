"""A table of few rows that change often: only cells that differ are painted. For many rows, or an order of one's own:
`long_table`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.binding import Binding
from textual.coordinate import Coordinate
from textual.events import Resize
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

    def __init__(self, head: Sequence[str], *, id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=False, cell_padding=1)
        self._head = head
        self._shown: dict[str, Sequence[Text]] = {}

    def on_mount(self) -> None:
        for name in self._head:
            self.add_column(name, key=name)

    def on_resize(self, event: Resize) -> None:
        self.show_header = event.size.height >= ROOMY

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
        written = [
            (key, [Text(cell) if isinstance(cell, str) else cell for cell in cells]) for key, cells in rows
        ]  # never as markup
        if [key for key, _ in written] == list(self._shown):
            for key, cells in written:
                before = self._shown[key]
                for name, cell, old in zip(self._head, cells, before, strict=True):
                    if cell != old:
                        self._put(RowKey(key), ColumnKey(name), cell)
        else:
            chosen, place = self.chosen, self.cursor_row
            self.clear()
            for key, cells in written:
                self.add_row(*cells, key=key)
            self._go_to(chosen, place)
        self._shown = dict(written)

    def _put(self, row: RowKey, column: ColumnKey, cell: Text) -> None:
        """Change one cell. Textual's own way paints the whole table for it, which is most of what a live table would
        send."""
        if cell.cell_len > self.columns[column].content_width:
            self.update_cell(row, column, cell, update_width=True)
            return
        self._data[row][column] = cell
        self._update_count += 1
        self.refresh_coordinate(Coordinate(self.get_row_index(row), self.get_column_index(column)))

    def choose(self, key: str) -> None:
        """Put the cursor on that row, if it is there."""
        if key != self.chosen:
            self._go_to(key, self.cursor_row)

    def _go_to(self, key: str, place: int) -> None:
        try:
            row = self.get_row_index(key) if key else place
        except RowDoesNotExist:
            row = place
        if self.row_count:
            self.move_cursor(row=min(max(row, 0), self.row_count - 1), animate=False)
