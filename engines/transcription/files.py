"""Hearing a whole sound file, for people: stretches with their times. (For datasets: `engines.cutting.hearing`.)"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.audio.mono import load
from engines.errors import BadInput, WeightsMissing
from engines.recognisers import NEEDED, is_model
from engines.transcription.base import SAMPLE_RATE, Word
from engines.transcription.heard import Heard, Segment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Seconds of a file, at most: its samples are held in memory.
LONGEST = 4 * 3_600.0
#: Seconds that PocketSphinx hears at once.
STRETCH = 20.0
_BEAMS = 5

#: Told now and then how many seconds were heard, of how many; what it raises ends the work.
Progress = Callable[[float, float], None]


@dataclass(frozen=True)
class Wanted:
    """How it is to be heard."""

    language: str = ""  #: ISO 639-1; empty: found in the sound
    words: bool = False  #: times of words, too
    prompt: str = ""  #: text that the file goes on from: names, spelling
    temperature: float = 0.0


def by_whisper(path: Path, folder: Path, wanted: Wanted, progress: Progress) -> Heard:
    """By the Whisper model in a folder. Raises BadInput for what is no sound, is too long, or a language that the model
    does not know; WeightsMissing for what is no model."""
    if not is_model(folder):
        raise WeightsMissing(f"{folder} holds no Whisper model.", f"It needs {', '.join(NEEDED)} (CTranslate2 format).")
    samples = _samples(path)
    seconds = len(samples) / SAMPLE_RATE
    progress(0.0, seconds)
    from faster_whisper import WhisperModel

    try:
        model: Any = WhisperModel(str(folder), device="cpu", compute_type="int8", local_files_only=True)
    except (RuntimeError, ValueError, OSError) as error:
        raise WeightsMissing(f"The Whisper model in {folder} cannot be loaded: {error}.", "Fetch it again.") from None
    if wanted.language and wanted.language not in model.supported_languages:
        raise BadInput(f"The Whisper model does not know the language {wanted.language!r}.", "Leave it out.")
    if not samples.any():
        return Heard((), wanted.language, seconds)
    said, facts = model.transcribe(
        samples,
        language=wanted.language or None,
        beam_size=_BEAMS,
        temperature=wanted.temperature,
        initial_prompt=wanted.prompt or None,
        word_timestamps=wanted.words,
        condition_on_previous_text=False,
        vad_filter=True,
    )
    found = []
    for one in said:
        progress(min(float(one.end), seconds), seconds)
        words = tuple(
            Word(word.word.strip(), float(word.start), float(word.end), float(word.probability))
            for word in one.words or ()
        )
        found.append(
            Segment(
                float(one.start),
                float(one.end),
                one.text.strip(),
                words,
                float(one.avg_logprob),
                float(one.no_speech_prob),
                float(one.compression_ratio),
            )
        )
    return Heard(tuple(found), str(facts.language), seconds)


def by_sphinx(path: Path, progress: Progress) -> Heard:
    """By PocketSphinx, in English: weakly. Raises as `by_whisper` does."""
    from engines.transcription.sphinx import SphinxTranscriber

    samples = _samples(path)
    seconds, hears, found = len(samples) / SAMPLE_RATE, SphinxTranscriber(), []
    size = round(STRETCH * SAMPLE_RATE)
    for begin in range(0, len(samples), size):
        at = begin / SAMPLE_RATE
        progress(at, seconds)
        stretch = samples[begin : begin + size]
        (heard,) = hears.transcribe_many([stretch], lambda at=at: progress(at, seconds))  # type: ignore[misc]
        if heard.text:
            words = tuple(Word(word.text, at + word.start, at + word.end, word.confidence) for word in heard.words)
            found.append(Segment(at, at + len(stretch) / SAMPLE_RATE, heard.text, words))
    return Heard(tuple(found), hears.language, seconds)


def _samples(path: Path) -> NDArray[np.float32]:
    samples = load(path, SAMPLE_RATE, 0.0, LONGEST + 1)
    if len(samples) > LONGEST * SAMPLE_RATE:
        raise BadInput(f"The file is longer than {LONGEST / 3_600:g} hours.", "Send it in parts.")
    return samples
