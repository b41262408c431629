"""What a strong recogniser wrote is held against the sound by a second one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from speech import TEXTS, recording

from engines.cutting.clips import cut_recording
from engines.glow.info import INFO
from engines.transcription.alignment import Aligner
from engines.transcription.base import Transcript, Trust

#: An engine that takes one sentence at a time.
SHORT = replace(INFO, clip_seconds=(0.8, 4.0))


class Writes:
    """A recogniser that hears the same words in everything."""

    name = settings = "whisper"
    earlier_settings = ()
    trust: Trust = "high"
    language = "en"

    def __init__(self, words: str) -> None:
        self.words = words

    def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
        return Transcript(self.words, (), self.name, self.trust, 0.9)

    def transcribe_many(
        self, clips: Sequence[NDArray[np.float32]], alive: Callable[[], None] | None = None
    ) -> list[Transcript]:
        return [self.transcribe(clip) for clip in clips]


def test_right_words_are_heard_by_both_and_others_are_not(tmp_path: Path) -> None:
    """Nobody gave a text."""
    made, second, right = recording(tmp_path / "a.flac", ["harbour"]), Aligner(), TEXTS["harbour"]

    def errors(wrote: str, text: str | None = None) -> float | None:
        (clip,) = cut_recording(made.path, text, "en", SHORT, Writes(wrote), tmp_path, second=second)
        return clip.quality.second_wer

    assert errors(right) == 0.0
    assert 0.09 < (errors(right.replace("harbour", "garden")) or 0.0) < 0.5
    assert 0.09 < (errors("The small boat left the harbour.") or 0.0) < 1.0, "there is sound without a word"
    assert (errors(TEXTS["letter"]) or 0.0) > 0.6
    assert errors("") is None
    assert errors(right, text=right) is None, "two tell already: who gave the text, and who heard it"
