"""PocketSphinx: an English recogniser whose weights come in its wheel, so it works anywhere, offline. Weak: trust
"low".

About a tenth of real time on one core. On clean synthetic speech it mishears every tenth to every fourth word (and
espeak's voices nearly always), so its word error rates are for comparing two voices on the same lines, not for telling
the truth about one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal

from engines.apart import in_copies
from engines.transcription.base import SAMPLE_RATE, Transcript, Word

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FRAMES_PER_SECOND = 100
#: Loudness that speech is brought to (RMS, full scale 1), and the weight of the language model against the sound. Both
#: measured: on 16 everyday sentences by each of two flite voices, word errors fell from 0.20 and 0.03 (as it comes) to
#: 0.12 and 0.03, at no cost in time.
_LEVEL, _LANGUAGE_WEIGHT = 0.03, 5.5
#: Faint noise put before and after each clip, seconds: without it, words at the very edges are misheard (0.22 errors
#: against 0.13).
PADDING, _PADDING_LEVEL = 0.15, 1e-4


def as_pcm(samples: NDArray[np.float32]) -> bytes:
    """Mono samples of shape (n,), full scale 1, as the model takes them: 16 bits, at its level, with faint noise of
    PADDING seconds at both ends."""
    import numpy as np

    level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    scaled = samples * min(_LEVEL / max(level, 1e-6), 1.0 / max(float(np.abs(samples).max()), 1e-6), 30.0)
    hush = np.random.default_rng(0).normal(0.0, _PADDING_LEVEL, round(PADDING * SAMPLE_RATE)).astype(np.float32)
    return np.clip(np.concatenate([hush, scaled, hush]) * 32_767.0, -32_768, 32_767).astype(np.int16).tobytes()


class SphinxTranscriber:
    """Fulfils Transcriber. One decoder is loaded (0.3 s) and used again for every clip."""

    name: str = "pocketsphinx"
    trust: Literal["low"] = "low"
    language: str = "en"
    earlier_settings: tuple[str, ...] = ()

    def __init__(self, copies: int = 0) -> None:
        """`copies`: of this process that listen to several clips at once (0: one a core)."""
        from pocketsphinx import Config, Decoder

        self.settings = (
            f"{self.name} {version('pocketsphinx')}, {self.language}, {_LEVEL}, {_LANGUAGE_WEIGHT}, {PADDING}"
        )
        self._copies = copies or len(os.sched_getaffinity(0))
        # Features are centred over each clip (batch), not over what was heard before
        self._decoder: Any = Decoder(
            Config(samprate=float(SAMPLE_RATE), lw=_LANGUAGE_WEIGHT, cmn="batch", loglevel="FATAL")
        )

    def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
        """See Transcriber. The same samples give the same words, whatever was heard before."""
        import numpy as np

        if len(samples) < SAMPLE_RATE // 20 or not np.any(samples):
            return Transcript("", (), self.name, self.trust, 0.0)
        self._decoder.reinit_feat()  # else the first frames would still hear the end of what was heard before
        self._decoder.start_utt()
        self._decoder.process_raw(as_pcm(samples), full_utt=True)
        self._decoder.end_utt()
        length = len(samples) / SAMPLE_RATE

        def clock(frame: int) -> float:
            return min(max(frame / FRAMES_PER_SECOND - PADDING, 0.0), length)

        words = tuple(
            Word(text, clock(segment.start_frame), clock(segment.end_frame + 1), min(1.0, segment.prob))
            for segment in self._decoder.seg() or ()
            if (text := re.sub(r"\(\d+\)$", "", segment.word)) and text[0] not in "<["
        )
        confidence = sum(word.confidence for word in words) / len(words) if words else 0.0
        return Transcript(" ".join(word.text for word in words), words, self.name, self.trust, confidence)

    def transcribe_many(
        self, clips: Sequence[NDArray[np.float32]], alive: Callable[[], None] | None = None
    ) -> list[Transcript]:
        """See Transcriber."""
        if alive is None:
            return [self.transcribe(clip) for clip in clips]
        many = min(self._copies, len(clips))
        shares = [clips[first::many] for first in range(many)]
        heard = in_copies([partial(self._each, share) for share in shares], alive)
        return [heard[number % many][number // many] for number in range(len(clips))]

    def _each(self, clips: Sequence[NDArray[np.float32]]) -> list[Transcript]:
        return [self.transcribe(clip) for clip in clips]
