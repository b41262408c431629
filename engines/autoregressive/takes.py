"""Whether a take of a sentence came out as it should, and which of several is the best.

Models that say one code after another fail in three ways: they stop in the middle, go on with babble after the last
word, or fall silent. The first two show in the length against what the text should take; a recogniser, where one knows
the language, hears babble that is of the right length.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from engines.errors import EngineError
from engines.metrics.wer import errors
from engines.text.pace import expected_seconds
from engines.transcription.base import SAMPLE_RATE as HEARD_RATE
from engines.transcription.base import Transcriber
from engines.transcription.choose import choose

log = logging.getLogger("engines.speaking")

#: Lengths that cannot be right, as shares of the expected one, with seconds to spare at the end and at the start.
_SHORTEST, _LONGEST, _SPARE_AT_END, _SPARE = 0.35, 2.5, 1.5, 1 / 3
#: Lengths that are worth a recogniser's time.
_ODD = (0.6, 1.6)
#: Level below which 20 ms are silent, dB of full scale, and how long silence may last, seconds.
_SILENT_DB, _LONGEST_SILENCE = -60.0, 2.0
#: Word error rate from which a take is broken, by how far the recogniser is trusted.
_WRONG = {"high": 0.5, "low": 0.9}


@dataclass(frozen=True)
class Length:
    """Codes that a text should take."""

    usual: float
    shortest: int
    longest: int  #: decoding ends here
    rate: float  #: codes in a second of speech

    @property
    def seconds(self) -> float:
        return self.usual / self.rate


def length(text: str, language: str, limit: int, rate: float) -> Length:
    """Of a text; `limit` is what the model can say in one go, codes, `rate` how many make a second."""
    usual = min(expected_seconds(text, language) * rate, limit / 1.1)
    shortest, longest = usual * _SHORTEST - round(_SPARE * rate), usual * _LONGEST + round(_SPARE_AT_END * rate)
    return Length(usual, max(0, int(shortest)), min(limit, int(longest)), rate)


def fault_of_length(codes: int, stopped: bool, expected: Length) -> str:
    """What is wrong with a take of so many codes, for the log; empty if nothing is."""
    said = f"about {expected.seconds:.1f} s were expected"
    if not stopped:
        return f"did not end after {codes / expected.rate:.1f} s, where {said}"
    if codes < expected.shortest:
        return f"ended after {codes / expected.rate:.1f} s, where {said}"
    return ""


def fault_of_sound(samples: NDArray[np.float32], rate: int) -> str:
    """ "fell silent" for sound (n,) with a long hole in it, or none at all."""
    hop = rate // 50
    frames = samples[: len(samples) // hop * hop].reshape(-1, hop)
    silent = np.sqrt(np.mean(np.square(frames, dtype=np.float64), axis=1)) < 10 ** (_SILENT_DB / 20)
    if silent.all():
        return "is silent"
    edges = np.flatnonzero(np.diff(np.concatenate([[False], silent, [False]]).astype(np.int8)))
    holes = edges[1::2] - edges[::2]
    return f"fell silent for {holes.max() / 50:.1f} s" if len(holes) and holes.max() / 50 > _LONGEST_SILENCE else ""


def is_odd(codes: int, expected: Length) -> bool:
    """Whether a take's length is far enough off to have a recogniser hear it."""
    return not _ODD[0] * expected.usual <= codes <= _ODD[1] * expected.usual


@dataclass(frozen=True)
class Recognition:
    """What was heard of a take."""

    wrong: float | None  #: word error rate (of characters where words are not parted); None without a recogniser
    trust: str = ""

    @property
    def fault(self) -> str:
        """For the log; empty if nothing is wrong."""
        if self.wrong is None or self.wrong <= _WRONG[self.trust]:
            return ""
        return f"was heard with {self.wrong:.0%} of its words wrong"


def hear(samples: NDArray[np.float32], rate: int, text: str, language: str) -> Recognition:
    """Have sound (n,) heard by the recogniser for the language, if there is one."""
    recogniser = _recogniser(language)
    if recogniser is None:
        return Recognition(None)
    heard = recogniser.transcribe(soxr.resample(samples, rate, HEARD_RATE).astype(np.float32)).text
    mistakes = errors(text, heard, language)
    return Recognition(mistakes.cer if language in ("zh", "ja") else mistakes.wer, recogniser.trust)


@lru_cache(maxsize=4)
def _recogniser(language: str) -> Transcriber | None:
    home = os.environ.get("MYNA_HOME")
    try:
        return choose(language, Path(home) / "weights" if home else None).transcriber
    except EngineError as error:
        log.warning("Takes are not heard by a recogniser: %s", error)
        return None
