"""A track's outline over time; what was heard is set apart, a click goes there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.events import Click
from textual.message import Message

from tui.drawing import waveform
from tui.drawing.picture import Picture, sentence
from tui.drawing.waveform import MARGIN, Envelope
from tui.track import Track
from tui.widgets.picture import PictureWidget


class Waveform(PictureWidget):
    """Draws a track, also while it is still coming."""

    EVERY: ClassVar[float] = 0.1
    DEFAULT_CSS = """
    Waveform {
        height: 5;
        & > .picture--wave { color: $primary; }
        & > .picture--heard { color: $text-muted; }
        & > .picture--cursor { color: $accent; text-style: bold; }
        & > .picture--label, & > .picture--note { color: $text-muted; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"picture--{role}" for role in ("wave", "heard", "cursor", "label", "note")
    }

    @dataclass
    class Sought(Message):
        """A person pointed at a moment of the sound."""

        waveform: Waveform
        seconds: float

        @property
        def control(self) -> Waveform:
            return self.waveform

    def __init__(self, empty: str = "Nothing to hear yet.", *, name: str | None = None, id: str | None = None) -> None:
        super().__init__(name=name, id=id)
        self._empty = empty
        self._track: Track | None = None
        self._envelope = Envelope()
        self._position = 0.0
        self._least_span = 0.0

    def show(self, track: Track | None, position: float = 0.0, *, least_span: float = 0.0) -> None:
        """Draw this track, with the cursor at a position in seconds; as wide as `least_span` seconds at least (the
        longer of two)."""
        if track is not self._track:
            self._track, self._envelope = track, Envelope()
        if track is not None and track.rate:
            self._envelope.feed(track.samples, track.rate)
        self._position, self._least_span = position, least_span
        self.stale()

    @property
    def span(self) -> float:
        """Seconds that the picture is wide."""
        track = self._track
        return max(waveform.span(track.seconds, track.whole), self._least_span) if track else 0.0

    def draw(self, width: int, height: int) -> Picture:
        if self._track is None or not self._track.frames:
            return sentence(self._empty, width, height)
        return waveform.draw(self._envelope, self.span, self._position, width, height)

    def on_click(self, event: Click) -> None:
        column = event.get_content_offset_capture(self).x - MARGIN
        columns = self.size.width - MARGIN
        if self._track is not None and columns > 0:
            self.post_message(self.Sought(self, min(max((column + 0.5) / columns, 0), 1) * self.span))
