"""A track's mel spectrogram, under its waveform and of the same width."""

from __future__ import annotations

from typing import ClassVar

from rich.color import Color
from rich.style import Style

from tui.drawing import mel, spectrogram, waveform
from tui.drawing.picture import Picture, over, sentence
from tui.drawing.waveform import MARGIN
from tui.track import Track
from tui.widgets.picture import PictureWidget

# Sixteen steps of viridis (CC0): rising in lightness alone, so that it reads in grey and for any eyes
VIRIDIS = (
    "#440154", "#481a6c", "#472f7d", "#414487", "#39568c", "#31688e", "#2a788e", "#23888e",
    "#1f988b", "#22a884", "#35b779", "#54c568", "#7ad151", "#a5db36", "#d2e21b", "#fde725",
)  # fmt: skip
STYLES = {
    f"{top}/{bottom}": Style(color=Color.parse(above), bgcolor=Color.parse(below))
    for top, above in enumerate(VIRIDIS)
    for bottom, below in enumerate(VIRIDIS)
}


class Spectrogram(PictureWidget):
    """Frequencies (mel) over time. Computed anew only when there is more of the sound, or another size."""

    EVERY: ClassVar[float] = 0.2
    DEFAULT_CSS = """
    Spectrogram {
        height: 8;
        & > .picture--shade { color: $primary; }
        & > .picture--cursor { color: $accent; text-style: bold; }
        & > .picture--label { color: $text-muted; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"picture--{role}" for role in ("shade", "cursor", "label")}

    def __init__(self, *, name: str | None = None, id: str | None = None) -> None:
        super().__init__(name=name, id=id)
        self._track: Track | None = None
        self._position = self._least_span = 0.0
        self._drawn_from: tuple[object, ...] = ()  # what the picture without the cursor was made of
        self._bare = Picture(())

    def show(self, track: Track | None, position: float = 0.0, *, least_span: float = 0.0) -> None:
        """As `Waveform.show`."""
        self._track, self._position, self._least_span = track, position, least_span
        self.stale()

    def draw(self, width: int, height: int) -> Picture:
        track, columns = self._track, width - MARGIN
        if track is None or not track.frames or columns < 8 or height < 1:
            return sentence("", width, height)
        span = max(waveform.span(track.seconds, track.whole), self._least_span)
        shades = self.app.native_ansi_color
        made_of = (id(track), track.frames, span, width, height, shades)
        if made_of != self._drawn_from:
            brightness = mel.spectrum(track.samples, track.rate, span, columns, height if shades else 2 * height)
            self._drawn_from, self._bare = made_of, spectrogram.draw(brightness.tolist(), track.rate, shades=shades)
        cursor = min(int(self._position / span * columns), columns - 1)
        return over(self._bare, MARGIN + cursor, ("│", "cursor"))

    def style_of(self, role: str) -> Style:
        return STYLES.get(role) or super().style_of(role)
