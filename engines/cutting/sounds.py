"""A recording's sound on its way by, in the forms that its clips need: as it was recorded, as it is heard, and as it is
written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from engines.apart import in_a_thread
from engines.audio.cleaning import Cleaner
from engines.audio.decode import Alive
from engines.cutting.pauses import Piece
from engines.cutting.stretch import CleanedStretch, Stretch
from engines.cutting.survey import Block
from engines.cutting.vad import SAMPLE_RATE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Preparing:
    """What of a recording's sound is taken out before its clips are written; None: nothing."""

    separate: Cleaner | None = None  #: music; what is left is also what is heard
    denoise: Cleaner | None = None  #: noise, of what is left of that


@dataclass(frozen=True)
class Sound:
    """A piece's, mono samples (n,) at the recording's rate but for `heard`, which is at vad.SAMPLE_RATE."""

    recorded: NDArray[np.float32]
    heard: NDArray[np.float32]
    separated: NDArray[np.float32] | None  #: without its music; None: that is not taken out
    denoised: NDArray[np.float32] | None  #: nor its noise; None: that is not taken out

    @property
    def written(self) -> NDArray[np.float32]:
        """What becomes the clip."""
        return next(one for one in (self.denoised, self.separated, self.recorded) if one is not None)


class Sounds:
    """A recording's sound from some moment on, in each of its forms."""

    def __init__(self, rate: int, preparing: Preparing, gain: float, alive: Alive) -> None:
        """Of a recording at `rate`, Hz; `gain` brings its speech to the level that cleaners expect. `alive` is called
        while a long one of them works."""
        import soxr

        self._alive = alive
        self._recorded, self._heard = Stretch(rate), Stretch(SAMPLE_RATE)
        self._separated = CleanedStretch(rate, preparing.separate, gain) if preparing.separate is not None else None
        self._denoised = CleanedStretch(rate, preparing.denoise, gain) if preparing.denoise is not None else None
        streams = (self._recorded, self._heard, self._separated, self._denoised)
        self._streams: list[Stretch] = [one for one in streams if one is not None]
        self._down = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
        self._as_heard = rate == SAMPLE_RATE

    def add(self, block: Block) -> None:
        """What comes next."""
        self._recorded.add(block.samples)
        left = block.samples
        if self._separated is None:
            self._heard.add(block.hearing)
        else:
            left = self._voice(left, last=False)
        if self._denoised is not None:
            self._denoised.add(left)

    def end(self) -> None:
        """Nothing comes any more."""
        import numpy as np

        left = np.zeros(0, np.float32)
        if self._separated is not None:
            left = self._voice(left, last=True)
        if self._denoised is not None:
            self._denoised.add(left, last=True)

    def _voice(self, samples: NDArray[np.float32], *, last: bool) -> NDArray[np.float32]:
        """What separating lets out of some; that is what is heard."""
        assert self._separated is not None
        voice = in_a_thread(partial(self._separated.add, samples, last=last), self._alive)
        self._heard.add(voice if self._as_heard else self._down.resample_chunk(voice, last=last))
        return voice

    def reaches(self, end: float) -> bool:
        """Whether all of it before this time, seconds, has come in each form."""
        return all(one.reaches(end) for one in self._streams)

    def taken(self, piece: Piece) -> Sound:
        """The piece's; what lies before it is forgotten."""
        separated, denoised = (
            one.taken(piece.start, piece.end) if one is not None else None for one in (self._separated, self._denoised)
        )
        recorded, heard = (one.taken(piece.start, piece.end) for one in (self._recorded, self._heard))
        return Sound(recorded, heard, separated, denoised)

    def forget(self, start: float) -> None:
        """Let go of what lies before a time."""
        for one in self._streams:
            one.forget(start)
