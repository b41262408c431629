"""A list to choose one of."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import DataTable

from tui.widgets.table import Cell, Table


class ChooseScreen(ModalScreen[str | None], inherit_bindings=False):
    """The key of the row that was chosen, or None."""

    BINDINGS = [Binding("escape,q", "leave", "Cancel", id="choose.leave")]
    DEFAULT_CSS = """
    ChooseScreen {
        align: center middle;
        & > Vertical {
            width: 72; max-width: 94%; height: auto; max-height: 80%;
            border: round $primary; background: $surface;
        }
        & Table { height: auto; max-height: 100%; }
    }
    """

    def __init__(
        self, title: str, head: Sequence[str], rows: Sequence[tuple[str, Sequence[Cell]]], chosen: str = ""
    ) -> None:
        super().__init__()
        self._title, self._head, self._rows, self._chosen = title, head, rows, chosen

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._title
            box.border_subtitle = "Enter chooses · Esc cancels"
            yield Table(self._head)

    def on_mount(self) -> None:
        table = self.query_one(Table)
        table.focus()
        self.call_after_refresh(self._show, table)

    def _show(self, table: Table) -> None:
        table.show_rows(self._rows)
        keys = [key for key, _ in self._rows]
        if self._chosen in keys:
            table.move_cursor(row=keys.index(self._chosen), animate=False)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.dismiss(str(event.row_key.value))

    def action_leave(self) -> None:
        self.dismiss(None)
