"""Score spoken lines against the recordings of the same lines: what the evaluate job calls for parent, candidate and
recordings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from engines.audio.decode import shown
from engines.audio.mono import load
from engines.errors import BadInput
from engines.metrics.dnsmos import dnsmos
from engines.metrics.duration import duration_ratio, spoken_seconds
from engines.metrics.pitch import Pitch, pitch, semitones_between
from engines.metrics.similarity import cosine, embed, mean_embedding
from engines.metrics.summary import Summary
from engines.metrics.wer import Errors, errors, total
from engines.transcription.base import Transcriber

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_RATE = 16_000


@dataclass(frozen=True)
class SpokenLine:
    """One held-out line, as a version speaks it and as the person does."""

    text: str
    spoken: Path  #: the line as a version speaks it
    recording: Path  #: the line as the person says it


@dataclass(frozen=True)
class LineScores:
    """Scores of one line; None where it could not be measured."""

    line: SpokenLine
    heard: str = ""  #: what the recogniser heard
    wer: float | None = None
    cer: float | None = None
    similarity: float | None = None  #: to the mean of the voice's recordings
    dnsmos: float | None = None  #: 1…5
    duration_ratio: float | None = None  #: spoken / recorded
    f0: float | None = None  #: median, Hz
    f0_semitones: float | None = None  #: |distance to the recordings' median|
    seconds: float = 0.0  #: length of the spoken file
    error: str = ""  #: why it could not be scored at all, a sentence

    @property
    def failed(self) -> bool:
        """Whether there was nothing to score."""
        return bool(self.error)


@dataclass(frozen=True)
class Scores:
    """All lines, and their summary."""

    lines: tuple[LineScores, ...]
    summary: Summary


@dataclass(frozen=True)
class _Recorded:
    """What is needed of a recording."""

    voice: NDArray[np.float32] | None
    seconds: float
    pitch: Pitch


def score_lines(
    lines: Sequence[SpokenLine],
    transcriber: Transcriber | None,
    *,
    language: str = "en",
    held_out_loss: float | None = None,
    known: Callable[[int], LineScores | None] = lambda number: None,
    on_scored: Callable[[int, LineScores], None] = lambda number, scores: None,
) -> Scores:
    """Score every line but those whose scores are `known` (by number) from before. `on_scored` is called after each
    with its number and scores; it may raise Cancelled.

    A line that cannot be spoken or read is failed, with the reason, and never left out of the count.

    Similarity is to the mean embedding of all the lines' recordings (without a line's own one where `spoken` is that
    recording itself). Without a transcriber there are no word errors. Raises BadInput if a recording cannot be read.
    """
    recorded = [_measure_recording(line.recording, _changed(line.recording)) for line in lines]
    usual = Pitch(_median([one.pitch.median for one in recorded if one.pitch.median > 0]) or 0.0, 0.0)
    scored: list[LineScores] = []
    counted: list[Errors] = []
    for number, line in enumerate(lines):
        others = [
            one.voice
            for i, one in enumerate(recorded)
            if one.voice is not None and (i != number or line.spoken != line.recording)
        ]
        result = known(number) or _score(line, recorded[number], others, usual, transcriber, language)
        scored.append(result)
        if (
            transcriber is not None
        ):  # of a line that was not spoken, too: leaving it out would flatter a voice that breaks
            counted.append(errors(line.text, result.heard, language))
        on_scored(number, result)
    return Scores(tuple(scored), _summarise(scored, counted, transcriber, held_out_loss))


def _score(
    line: SpokenLine,
    recorded: _Recorded,
    voices: Sequence[NDArray[np.float32]],
    usual: Pitch,
    transcriber: Transcriber | None,
    language: str,
) -> LineScores:
    try:
        samples = load(line.spoken, _RATE)
    except BadInput as problem:
        return LineScores(line, error=str(problem))
    if not samples.any():
        return LineScores(line, error=f"{shown(line.spoken)} is silent.")
    try:
        similarity = cosine(embed(samples), mean_embedding(voices)) if voices else None
    except BadInput:  # too little speech: the line itself may still be scored
        similarity = None
    own_pitch = pitch(samples)
    heard = transcriber.transcribe(samples).text if transcriber is not None else ""
    mistakes = errors(line.text, heard, language) if transcriber is not None else None
    return LineScores(
        line,
        heard=heard,
        wer=mistakes.wer if mistakes else None,
        cer=mistakes.cer if mistakes else None,
        similarity=similarity,
        dnsmos=dnsmos(samples),
        duration_ratio=duration_ratio(spoken_seconds(samples), recorded.seconds),
        f0=own_pitch.median or None,
        f0_semitones=semitones_between(own_pitch, usual),
        seconds=len(samples) / _RATE,
    )


def _changed(path: Path) -> int:
    """0 if there is no such file: measuring it says so in a sentence."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=256)
def _measure_recording(path: Path, changed: int) -> _Recorded:
    """Once for all the versions that are compared with it; `changed` is when the file was, nanoseconds."""
    samples = load(path, _RATE)
    try:
        voice = embed(samples)
    except BadInput:  # a very short line; the voice is known from the others
        voice = None
    return _Recorded(voice, spoken_seconds(samples), pitch(samples))


def _summarise(
    scored: Sequence[LineScores],
    counted: Sequence[Errors],
    transcriber: Transcriber | None,
    held_out_loss: float | None,
) -> Summary:
    sums = total(counted) if counted else None
    ratios = [one.duration_ratio for one in scored if one.duration_ratio]
    return Summary(
        lines=sum(not one.failed for one in scored),
        failed=sum(one.failed for one in scored),
        held_out_loss=held_out_loss,
        wer=sums.wer if sums else None,
        cer=sums.cer if sums else None,
        similarity=_mean(one.similarity for one in scored),
        dnsmos=_mean(one.dnsmos for one in scored),
        duration_ratio=math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else None,
        f0_semitones=_median([one.f0_semitones for one in scored if one.f0_semitones is not None]),
        recogniser=transcriber.name if transcriber is not None else "",
        trust=transcriber.trust if transcriber is not None else "",
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None
