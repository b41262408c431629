"""What a recogniser is: samples in, words out, and how far they can be believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Samples handed to a recogniser are mono float32 at this rate, Hz.
SAMPLE_RATE = 16_000

#: "high": its words may stand as a clip's text. "low": good for comparing, and for finding gross disagreement.
Trust = Literal["high", "low"]


@dataclass(frozen=True)
class Word:
    """One heard word."""

    text: str
    start: float  #: seconds from the start of the samples
    end: float  #: seconds
    confidence: float  #: 0…1


@dataclass(frozen=True)
class Transcript:
    """What was heard in one stretch of speech."""

    text: str  #: as the recogniser writes it; empty if it heard no words
    words: tuple[Word, ...]  #: in order; empty if the recogniser tells no times
    engine: str  #: "whisper", "pocketsphinx"
    trust: Trust
    confidence: float  #: of the whole, 0…1
    language: str = ""  #: the likeliest one, ISO 639-1 as far as there is a code; empty: the recogniser cannot tell
    language_probability: float | None = None  #: that it is in the recogniser's language, 0…1; None: likewise


class Transcriber(Protocol):
    """A loaded recogniser of one language. Not thread-safe; one a worker."""

    @property
    def name(self) -> str:
        """Either "whisper" or "pocketsphinx"."""
        ...

    @property
    def trust(self) -> Trust: ...

    @property
    def language(self) -> str:
        """ISO 639-1."""
        ...

    @property
    def settings(self) -> str:
        """All that its words follow from beside the sound, as one text: model, language, precision, versions."""
        ...

    @property
    def earlier_settings(self) -> Sequence[str]:
        """Likewise, those by which it has heard other clips of the same job: their words stand, too."""
        ...

    def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
        """Hear words in mono samples of shape (n,) at SAMPLE_RATE. Silence gives an empty text."""
        ...

    def transcribe_many(
        self, clips: Sequence[NDArray[np.float32]], alive: Callable[[], None] | None = None
    ) -> list[Transcript]:
        """One transcript a clip, in order, never merged or dropped. `alive` is called many times a second meanwhile;
        what it raises comes at once."""
        ...
