"""A mel spectrogram in cells: two bands a cell by half blocks where there are colours, one by shades where there are
few."""

from __future__ import annotations

from collections.abc import Sequence

from tui.drawing import ticks
from tui.drawing.mel import hertz, mel
from tui.drawing.picture import Picture, Run, cells, row
from tui.drawing.waveform import MARGIN

LEVELS = 16  #: of brightness, named by roles "TOP/BOTTOM" of a cell
SHADES = " ░▒▓█"
HALF = "▀"


def draw(brightness: Sequence[Sequence[float]], rate: int, *, shades: bool = False) -> Picture:
    """`brightness` (bands, columns), 0 to 1, band 0 the lowest: the top of the picture is half the rate.

    Half blocks show two bands a cell, in roles "TOP/BOTTOM" of levels; `shades` one band a cell in the role "shade".
    """
    bands = len(brightness)
    columns = len(brightness[0]) if bands else 0
    rows = bands if shades else bands // 2
    labels = _frequencies(rate, rows)
    drawn = []
    for line in range(rows):
        named: dict[int, Run] = {}
        for column in range(columns):
            if shades:
                named[column] = (SHADES[_level(brightness[bands - 1 - line][column], len(SHADES))], "shade")
            else:
                top, bottom = (_level(brightness[bands - 1 - 2 * line - half][column], LEVELS) for half in (0, 1))
                named[column] = (HALF, f"{top}/{bottom}")
        drawn.append(row([(labels[line].rjust(MARGIN - 1) + " ", "label"), *cells(columns, named)], MARGIN + columns))
    return Picture(tuple(drawn))


def _level(brightness: float, levels: int) -> int:
    return min(int(brightness * levels), levels - 1)


def _frequencies(rate: int, rows: int) -> list[str]:
    """What stands left of each row: the frequency in its middle, at the top, the bottom, and halfway."""
    top = mel(rate / 2)
    named = {0, rows // 2, rows - 1} if rows > 2 else {0}
    return [
        ticks.short(float(f"{hertz(top * (rows - line - 0.5) / rows):.1g}")) if line in named else ""
        for line in range(rows)
    ]
