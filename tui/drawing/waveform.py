"""The outline of a sound over time, in braille, with what was heard set apart."""

from __future__ import annotations

from array import array
from sys import byteorder

from tui.drawing import braille, ticks
from tui.drawing.braille import ACROSS, DOWN, Layer
from tui.drawing.picture import Picture, Run, cells, row, sentence

#: cells left of the plot, as wide as the frequencies beside a spectrogram, so that the two stand one above the other
MARGIN = 5
BLOCKS = 200  #: a second's envelope is kept in so many parts


class Envelope:
    """The least and the greatest sample of each short block. Fed piece by piece: a sound that is still coming costs
    only what is new."""

    def __init__(self) -> None:
        self.least: list[float] = []
        self.greatest: list[float] = []
        self._read = 0  # samples

    def feed(self, samples: bytes | bytearray, rate: int) -> None:
        """Take what `samples` (float32, all there are so far) has more than last time."""
        size = max(rate // BLOCKS, 1)
        while (self._read + size) * 4 <= len(samples):
            block = _floats(samples[self._read * 4 : (self._read + size) * 4])
            self.least.append(min(block))
            self.greatest.append(max(block))
            self._read += size

    def between(self, start: float, end: float) -> tuple[float, float] | None:
        """(least, greatest) between two moments in seconds; None where nothing is known."""
        first = int(start * BLOCKS)
        last = max(int(end * BLOCKS), first + 1)
        if first >= len(self.least):
            return None
        return min(self.least[first:last]), max(self.greatest[first:last])


def span(seconds: float, whole: bool) -> float:
    """How many seconds the picture is wide: all of a whole sound; room to grow, seldom anew, for one that is still
    coming."""
    return seconds if whole else ticks.nice(max(seconds, 1.0) * 1.01)


def draw(envelope: Envelope, seconds: float, position: float, width: int, height: int) -> Picture:
    """A picture `seconds` wide in `width` by `height` cells, the last row the time. Before `position` the role is
    "heard", else "wave"."""
    columns, rows = width - MARGIN, height - 1
    if columns < 8 or rows < 1 or seconds <= 0:
        return sentence("", width, max(height, 0))
    layer = Layer(columns, rows)
    dots = columns * ACROSS
    middle = (rows * DOWN - 1) / 2
    loudest = max(max(envelope.greatest, default=0.0), -min(envelope.least, default=0.0), 0.1)
    for x in range(dots):
        found = envelope.between(x / dots * seconds, (x + 1) / dots * seconds)
        if found is not None:
            layer.line([(x, middle - found[1] / loudest * middle), (x, middle - found[0] / loudest * middle)])
    cursor = min(int(position / seconds * columns), columns - 1)
    drawn: list[dict[int, Run]] = [{cursor: ("│", "cursor")} for _ in range(rows)]
    for line, column, mask in layer.cells():
        if column != cursor:
            drawn[line][column] = (chr(braille.EMPTY + mask), "heard" if column < cursor else "wave")
    blank: Run = (" " * MARGIN, "")
    return Picture((*(row([blank, *cells(columns, each)], width) for each in drawn), time_axis(seconds, width)))


def time_axis(seconds: float, width: int) -> tuple[Run, ...]:
    """Seconds below a picture that begins after the margin."""
    columns = width - MARGIN
    letters = [" "] * width
    shown = ticks.linear(0, seconds, max(2, columns // 10))
    free = 0
    for tick, word in zip(shown, ticks.labels(shown), strict=True):
        start = min(MARGIN + int(tick / seconds * columns), width - len(word))
        if start >= free:
            letters[start : start + len(word)] = word
            free = start + len(word) + 1
    if width - free >= 2:
        letters[free : free + 1] = "s"
    return row([("".join(letters), "label")], width)


def _floats(samples: bytes | bytearray) -> array[float]:
    block = array("f", bytes(samples))
    if byteorder == "big":
        block.byteswap()
    return block
