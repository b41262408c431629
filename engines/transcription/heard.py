"""What was heard in a whole file, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

from engines.transcription.base import Word


@dataclass(frozen=True)
class Segment:
    """A stretch that was said in one go, seconds of the file."""

    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()  #: where they were asked for
    mean_log_probability: float = 0.0  #: of its tokens; 0: not known
    no_speech_probability: float = 0.0
    compression_ratio: float = 1.0  #: of its text: much above 2, it repeats itself


@dataclass(frozen=True)
class Heard:
    """All of a file."""

    segments: tuple[Segment, ...]
    language: str  #: ISO 639-1, as asked for or found
    seconds: float

    @property
    def text(self) -> str:
        return " ".join(one.text.strip() for one in self.segments).strip()
