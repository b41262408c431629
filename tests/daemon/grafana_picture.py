"""A picture of the panels of docs/grafana/myna.json, with what Prometheus answers their queries: Grafana itself cannot
be had where Myna is made, so this draws their places, titles, units and lines as they are, and not its looks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

COLUMNS, INCH = 24, 0.5  #: of Grafana's grid, and of a unit of it
PAPER, PANEL, INK, FAINT = "#111217", "#181b1f", "#d8d9da", "#44464c"
LINES = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0")


@dataclass(frozen=True)
class Line:
    """One series of a panel: seconds since the first moment, and values."""

    name: str
    times: Sequence[float]
    values: Sequence[float]


def line(target: dict[str, str], series: dict[str, Any], begin: float) -> Line:
    """Of a series as Prometheus' query_range answers it."""
    labels = {name: value for name, value in series["metric"].items() if name not in ("__name__", "instance", "job")}
    legend = target.get("legendFormat", "")
    name = re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: labels.get(found[1], ""), legend)
    points = [(float(time) - begin, float(value)) for time, value in series["values"] if value != "NaN"]
    return Line(name or " ".join(labels.values()), [time for time, _ in points], [value for _, value in points])


def draw(panels: Sequence[tuple[dict[str, Any], Sequence[Line]]], file: Path) -> None:
    """Panels as the board has them, each with its lines, into a PNG."""
    places = [panel["gridPos"] for panel, _ in panels]
    height = max(place["y"] + place["h"] for place in places)
    figure = Figure(figsize=(COLUMNS * INCH, height * INCH), facecolor=PAPER)
    for (panel, lines), place in zip(panels, places, strict=True):
        box = (
            (place["x"] + 0.9) / COLUMNS,
            1 - (place["y"] + place["h"] - 0.8) / height,
            (place["w"] - 1.3) / COLUMNS,
            (place["h"] - 1.8) / height,
        )
        corner = (place["x"] + 0.15) / COLUMNS, 1 - (place["y"] + place["h"] - 0.15) / height
        size = (place["w"] - 0.3) / COLUMNS, (place["h"] - 0.3) / height
        figure.add_artist(Rectangle(corner, *size, facecolor=PANEL, zorder=-1, transform=figure.transFigure))
        axes = figure.add_axes(box, facecolor=PANEL)
        unit = panel.get("fieldConfig", {}).get("defaults", {}).get("unit", "")
        _panel(axes, panel["type"], [one for one in lines if one.values], unit)
        axes.set_title(panel["title"], color=INK, fontsize=9, loc="left")
        axes.tick_params(colors=INK, labelsize=7)
        for side in axes.spines.values():
            side.set_color(FAINT)
    figure.savefig(file, dpi=90)


def _panel(axes: Axes, kind: str, lines: Sequence[Line], unit: str) -> None:
    if not lines:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "No data", color=FAINT, ha="center", va="center", transform=axes.transAxes)
    elif kind == "timeseries":
        for number, one in enumerate(lines):
            axes.plot(one.times, one.values, color=LINES[number % len(LINES)], linewidth=1.2, label=one.name)
        axes.grid(color=FAINT, linewidth=0.3)
        axes.yaxis.set_major_formatter(lambda value, _: said(value, unit))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f} s")
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=6, labelcolor=INK, facecolor=PANEL, edgecolor=FAINT, loc="upper left")
    elif kind == "bargauge":
        axes.barh([one.name for one in lines], [one.values[-1] for one in lines], color=LINES[0])
    else:
        axes.set_axis_off()
        told = "  ".join(f"{said(one.values[-1], unit)} {one.name}".strip() for one in lines)
        axes.text(0.5, 0.45, told, color=LINES[0], fontsize=20, ha="center", va="center", transform=axes.transAxes)


def said(value: float, unit: str) -> str:
    """A value in Grafana's unit."""
    match unit:
        case "bytes" | "decbytes":
            return f"{value / 1e9:.0f} GB" if value >= 1e10 else f"{value / 1e6:.0f} MB"
        case "s":
            return f"{value:.0f} s" if value >= 10 else f"{value:.2g} s"
        case "percentunit":
            return f"{value:.0%}"
        case "watt":
            return f"{value:.0f} W"
        case _:
            return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
