"""Choose one of the runs, to lay it over another."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label

from proto import myna_pb2 as pb
from tui.dashboard.run_rows import HEAD, SHRINKS, cells
from tui.widgets.table import Table


class PickRun(ModalScreen[int], inherit_bindings=False):
    """The number of the chosen run; 0: none."""

    BINDINGS = [Binding("escape,q", "none", "Cancel", show=False, id="pick.none")]
    DEFAULT_CSS = """
    PickRun {
        align: center middle;
        & > Vertical {
            width: 110; max-width: 94%; height: auto; max-height: 80%;
            border: round $primary; background: $surface; padding: 0 1;
        }
        & Table { height: auto; max-height: 30; }
    }
    """

    def __init__(self, runs: Sequence[pb.Run]) -> None:
        super().__init__()
        self._runs = runs

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Which run to lay over this one?"
            box.border_subtitle = "Enter chooses · Esc cancels"
            if not self._runs:
                yield Label("There is no other run.")
            yield Table(HEAD, shrinks=SHRINKS)

    def on_mount(self) -> None:
        self.query_one(Table).show_rows([(str(run.id), cells(run)) for run in self._runs])
        self.query_one(Table).focus()

    def on_data_table_row_selected(self, event: Table.RowSelected) -> None:
        event.stop()
        self.dismiss(int(self.query_one(Table).chosen or 0))

    def action_none(self) -> None:
        self.dismiss(0)
