"""Histograms of a dataset's measures as a picture in a file. Loads matplotlib; it is imported where a file is asked
for."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DPI, BINS, COLUMNS = 110, 24, 3
#: inches of one histogram
WIDTH, HEIGHT = 3.6, 2.6


def png(kept: Mapping[str, Sequence[float]], dropped: Mapping[str, Sequence[float]]) -> bytes:
    """One histogram a measure, by its title: kept clips and dropped ones on top of each other."""
    titles = [title for title, values in kept.items() if values or dropped.get(title)]
    rows = max(1, -(-len(titles) // COLUMNS))
    figure = Figure(figsize=(WIDTH * COLUMNS, HEIGHT * rows), dpi=DPI, layout="constrained")
    for place, title in enumerate(titles):
        axes = figure.add_subplot(rows, COLUMNS, place + 1)
        both = [list(kept[title]), list(dropped.get(title, ()))]
        axes.hist(both, bins=BINS, stacked=True, color=["tab:blue", "tab:red"], label=["kept", "dropped"])
        axes.set_title(title, fontsize=8)
        axes.tick_params(labelsize=7)
        if not place:
            axes.legend(fontsize=7)
    out = io.BytesIO()
    FigureCanvasAgg(figure).print_png(out)
    return out.getvalue()
