"""Whether a take of a sentence came out as it should, and which of several is the best.

XTTS fails in three ways: it stops in the middle, it goes on with babble after the last word, or it falls silent. The first two show in the
length against what the text should take; a recogniser, where one knows the language, hears babble that is of the right length.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import torch
from numpy.typing import NDArray

from engines.errors import EngineError
from engines.metrics.wer import errors
from engines.text.pace import expected_seconds
from engines.transcription.base import SAMPLE_RATE as HEARD_RATE
from engines.transcription.base import Transcriber
from engines.transcription.choose import choose

log = logging.getLogger("engines.xtts")

#: Codes in a second of speech: 22,050 Hz in steps of 1,024 samples.
CODES_PER_SECOND = 22_050 / 1_024
#: Lengths that cannot be right, as shares of the expected one, with a second and a half to spare at the end and a third at the start.
_SHORTEST, _LONGEST, _SPARE_AT_END, _SPARE = 0.35, 2.5, 32, 7
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

    @property
    def seconds(self) -> float:
        return self.usual / CODES_PER_SECOND


def length(text: str, language: str, limit: int) -> Length:
    """Of a text; `limit` is what the model can say in one go, codes."""
    usual = min(expected_seconds(text, language) * CODES_PER_SECOND, limit / 1.1)
    return Length(usual, max(0, int(usual * _SHORTEST - _SPARE)), min(limit, int(usual * _LONGEST + _SPARE_AT_END)))


def fault_of_length(codes: int, stopped: bool, expected: Length) -> str:
    """What is wrong with a take of so many codes, for the log; empty if nothing is."""
    said = f"about {expected.seconds:.1f} s were expected"
    if not stopped:
        return f"did not end after {codes / CODES_PER_SECOND:.1f} s, where {said}"
    if codes < expected.shortest:
        return f"ended after {codes / CODES_PER_SECOND:.1f} s, where {said}"
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
class Heard:
    """What was heard of a take."""

    wrong: float | None  #: word error rate (of characters where words are not parted); None without a recogniser
    trust: str = ""

    @property
    def fault(self) -> str:
        """For the log; empty if nothing is wrong."""
        if self.wrong is None or self.wrong <= _WRONG[self.trust]:
            return ""
        return f"was heard with {self.wrong:.0%} of its words wrong"


def hear(samples: NDArray[np.float32], rate: int, text: str, language: str) -> Heard:
    """Have sound (n,) heard by the recogniser for the language, if there is one."""
    ears = _ears(language)
    if ears is None:
        return Heard(None)
    heard = ears.transcribe(soxr.resample(samples, rate, HEARD_RATE).astype(np.float32)).text
    mistakes = errors(text, heard, language)
    return Heard(mistakes.cer if language in ("zh", "ja") else mistakes.wer, ears.trust)


@torch.inference_mode()
def similarity(xtts: Any, samples: torch.Tensor, rate: int, speaker: torch.Tensor) -> float:
    """Cosine of a take (n,) and the voice (1, 512, 1), by the base's own speaker encoder; 0 for what is too short to tell."""
    if len(samples) < rate // 2:
        return 0.0
    own = xtts.get_speaker_embedding(samples[None].to(speaker.device), rate)
    return float(torch.nn.functional.cosine_similarity(own.flatten(), speaker.flatten(), dim=0))


@lru_cache(maxsize=4)
def _ears(language: str) -> Transcriber | None:
    home = os.environ.get("MYNA_HOME")
    try:
        return choose(language, Path(home) / "weights" if home else None).transcriber
    except EngineError as error:
        log.warning("Takes are not heard by a recogniser: %s", error)
        return None
