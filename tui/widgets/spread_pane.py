"""How durations, noise and errors of the shown clips are spread."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult

from proto import myna_pb2 as pb
from tui.dashboard.clips import quality, seconds
from tui.widgets.histogram import Histogram
from tui.widgets.pane import Pane


class SpreadPane(Pane):
    """Three histograms over the clips it is given."""

    pane_title = "Spread"
    pane_help = (
        "How the clips of the list are spread (those that the filter lets through): their length, "
        "how far the speech is above the "
        "noise, and the share of letters in which text and what was heard differ. Few, far-off clips are worth hearing."
    )
    DEFAULT_CSS = """
    SpreadPane { & > Histogram { height: 1fr; width: 1fr; min-height: 5; } }
    """

    def compose(self) -> ComposeResult:
        yield Histogram("duration", "s", id="duration")
        yield Histogram("SNR", "dB", id="snr")
        yield Histogram("CER", id="cer")

    def show_clips(self, rows: Sequence[pb.Clip]) -> None:
        """Draw the spread of these."""
        self.query_one("#duration", Histogram).show([seconds(row) for row in rows])
        self.query_one("#snr", Histogram).show([quality(row, "snr_db") for row in rows])
        self.query_one("#cer", Histogram).show([quality(row, "cer") for row in rows])
