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
from engines.metrics.duration import Timing, duration_ratio, pauses_between, timing
from engines.metrics.pitch import Pitch, pitch, semitones_between, spread_between
from engines.metrics.similarity import cosine, embed, mean_embedding
from engines.metrics.summary import Summary
from engines.metrics.wer import errors
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
    recording: Path | None  #: the line as the person says it; None: nobody has said it


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
    pause_share: float | None = None  #: |share of pauses − the recording's own|
    f0: float | None = None  #: median, Hz
    f0_semitones: float | None = None  #: |distance to the recordings' median|
    f0_spread: float | None = None  #: |spread of the pitch − the recordings' usual one|, semitones
    seconds: float = 0.0  #: length of the spoken file
    words: int = 0  #: in the text: how much the word error rate weighs among other lines
    chars: int = 0  #: the same for the character error rate
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
    timing: Timing
    pitch: Pitch


def score_lines(
    lines: Sequence[SpokenLine],
    transcriber: Transcriber | None,
    *,
    language: str = "en",
    held_out_loss: float | None = None,
    recordings: Sequence[Path] = (),
    known: Callable[[int], LineScores | None] = lambda number: None,
    on_scored: Callable[[int, LineScores], None] = lambda number, scores: None,
) -> Scores:
    """Score every line but those whose scores are `known` (by number) from before. `on_scored` is called after each
    with its number and scores; it may raise Cancelled.

    A line that cannot be spoken or read is failed, with the reason, and never left out of the count.

    Similarity is to the mean embedding of the person's `recordings`, or of the lines' own if there are none (without a
    line's own one where `spoken` is that recording itself). Without a transcriber there are no word errors. Raises
    BadInput if a recording cannot be read.
    """
    person = tuple(recordings) or tuple(line.recording for line in lines if line.recording is not None)
    recorded = {path: _measure_recording(path, _changed(path)) for path in person}
    voiced = [one.pitch for one in recorded.values() if one.pitch.median > 0]
    usual = Pitch(_median([one.median for one in voiced]) or 0.0, _median([one.spread for one in voiced]) or 0.0)
    scored: list[LineScores] = []
    for number, line in enumerate(lines):
        others = [one.voice for path, one in recorded.items() if one.voice is not None and path != line.spoken]
        own = recorded.get(line.recording) if line.recording is not None else None
        result = known(number) or _score(line, own, others, usual, transcriber, language)
        scored.append(result)
        on_scored(number, result)
    name, trust = (transcriber.name, transcriber.trust) if transcriber is not None else ("", "")
    return Scores(tuple(scored), summarise(scored, name, trust, held_out_loss))


def _score(
    line: SpokenLine,
    recorded: _Recorded | None,
    voices: Sequence[NDArray[np.float32]],
    usual: Pitch,
    transcriber: Transcriber | None,
    language: str,
) -> LineScores:
    missed = errors(line.text, "", language)
    try:
        samples = load(line.spoken, _RATE)
    except BadInput as problem:
        return LineScores(line, error=str(problem), words=missed.words, chars=missed.chars)
    if not samples.any():
        silent = f"{shown(line.spoken)} is silent."
        return LineScores(line, error=silent, words=missed.words, chars=missed.chars)
    try:
        similarity = cosine(embed(samples), mean_embedding(voices)) if voices else None
    except BadInput:  # too little speech: the line itself may still be scored
        similarity = None
    own_pitch, own_timing = pitch(samples), timing(samples)
    heard = transcriber.transcribe(samples).text if transcriber is not None else ""
    mistakes = errors(line.text, heard, language) if transcriber is not None else None
    return LineScores(
        line,
        heard=heard,
        wer=mistakes.wer if mistakes else None,
        cer=mistakes.cer if mistakes else None,
        similarity=similarity,
        dnsmos=dnsmos(samples),
        duration_ratio=duration_ratio(own_timing.seconds, recorded.timing.seconds) if recorded is not None else None,
        pause_share=pauses_between(own_timing, recorded.timing) if recorded is not None else None,
        f0=own_pitch.median or None,
        f0_semitones=semitones_between(own_pitch, usual),
        f0_spread=spread_between(own_pitch, usual),
        seconds=len(samples) / _RATE,
        words=missed.words,
        chars=missed.chars,
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
    return _Recorded(voice, timing(samples), pitch(samples))


def summarise(scored: Sequence[LineScores], recogniser: str, trust: str, held_out_loss: float | None = None) -> Summary:
    """Means over lines. `recogniser` is the name of what heard them, empty if nothing did. Word errors of a line that
    was not spoken count, too: leaving it out would flatter a voice that breaks."""
    ratios = [one.duration_ratio for one in scored if one.duration_ratio]
    return Summary(
        lines=sum(not one.failed for one in scored),
        failed=sum(one.failed for one in scored),
        held_out_loss=held_out_loss,
        wer=_rate([(one.wer, one.words) for one in scored]) if recogniser else None,
        cer=_rate([(one.cer, one.chars) for one in scored]) if recogniser else None,
        similarity=_mean(one.similarity for one in scored),
        dnsmos=_mean(one.dnsmos for one in scored),
        duration_ratio=math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else None,
        pause_share=_mean(one.pause_share for one in scored),
        f0_semitones=_median([one.f0_semitones for one in scored if one.f0_semitones is not None]),
        f0_spread=_mean(one.f0_spread for one in scored),
        recogniser=recogniser,
        trust=trust,
    )


def _rate(lines: Sequence[tuple[float | None, int]]) -> float | None:
    """Errors over all lines together, from (rate, size) of each: long lines weigh more, as they should. A line without
    a rate was not spoken at all."""
    size = sum(many for _, many in lines)
    return sum((1.0 if rate is None else rate) * many for rate, many in lines) / size if size else None


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None
