"""Cuts at pauses so short that they may be a mouth closed inside a word: there the words of both sides are laid under
the sound together, and a cut that touches one of them moves into the gap beside it.

Known before anything is written or heard: so what comes of a recording follows from it alone, wherever a worker was
killed, and a recording without such a cut is what it was. The text is the given one where it is known piece by piece,
else what a strong recogniser hears around the cut. Where no text fits well, cuts stay where the sound has them.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engines.audio.decode import Alive
from engines.audio.mono import Mono
from engines.cutting.hearing import Hearing
from engines.cutting.pauses import MARGIN, Piece, quietest
from engines.cutting.stretch import Stretch
from engines.cutting.survey import Survey, stream
from engines.cutting.vad import SAMPLE_RATE, Span
from engines.metrics.normalise import normalise
from engines.transcription.alignment import FITS, WORST_FITS, Aligner, Alignment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Pauses from which no word goes on behind them, seconds: closures are shorter, also long ones of slow speakers.
SURE = 0.3
#: Words' times may be wrong by so much, seconds: a cut that is less deep in a word does not touch it.
_SLACK = 0.05
#: Seconds on each side of a cut that are listened to where there is no text.
_REACH = 3.0
#: Stretches that a recogniser gets at a time.
_BATCH = 8


@dataclass(frozen=True)
class Unsure:
    """A cut that may be inside a word."""

    place: int  #: of the piece before it
    at: float  #: seconds of the recording
    heard: Span  #: what its words are looked for in


def unsure(pieces: Sequence[Piece], speech: Sequence[Span], *, whole: bool) -> list[Unsure]:
    """The cuts between pieces at pauses that are shorter than SURE, in order. `whole`: both pieces are looked at, to
    their ends, since their texts are known."""
    starts, found = [span.start for span in speech], []
    for place, (one, other) in enumerate(itertools.pairwise(pieces)):
        at = (one.end + other.start) / 2
        if one.too_long or other.too_long or _pause(at, speech, bisect_left(starts, at)) >= SURE:
            continue
        near = (one.start, other.end) if whole else (max(one.start, at - _REACH), min(other.end, at + _REACH))
        found.append(Unsure(place, at, Span(*near)))
    return found


def _pause(at: float, speech: Sequence[Span], after: int) -> float:
    """Seconds of the pause that a time lies in, 0 in speech; `after`: how many stretches begin before it."""
    if after and at < speech[after - 1].end:
        return 0.0
    return speech[after].start - speech[after - 1].end if 0 < after < len(speech) else math.inf


def checked(
    pieces: Sequence[Piece],
    texts: Sequence[str] | None,
    recording: Mono,
    found: Survey,
    hearing: Hearing,
    layer: Aligner | None,
    lengths: tuple[float, float],
    alive: Alive,
) -> list[Piece]:
    """The same pieces, their cuts outside of words. `texts`: of each, where they are given; `layer`: finds words;
    `lengths`: (shortest, longest) seconds of a piece, which no cut that moves may break."""
    result = list(pieces)
    if layer is None or (texts is None and not hearing.writes):
        return result
    cuts = unsure(pieces, found.speech, whole=texts is not None)
    if not cuts:
        return result
    waiting: list[tuple[Unsure, NDArray[np.float32]]] = []

    def settle() -> None:
        for cut, gap in zip((one for one, _ in waiting), _gaps(waiting, texts, hearing, layer, alive), strict=True):
            if gap is not None:
                one, other = result[cut.place], result[cut.place + 1]
                result[cut.place : cut.place + 2] = _moved(one, other, gap, found, lengths)
        waiting.clear()

    for cut, samples in _sounds(recording, cuts):
        waiting.append((cut, samples))
        if len(waiting) == _BATCH:
            settle()
    settle()
    return result


def _sounds(recording: Mono, cuts: Sequence[Unsure]) -> Iterator[tuple[Unsure, NDArray[np.float32]]]:
    """One pass over a recording: what is around each cut, at SAMPLE_RATE."""
    sound, left = Stretch(SAMPLE_RATE), list(cuts)
    for block in stream(recording):
        sound.add(block.hearing)
        while left and sound.reaches(left[0].heard.end):
            cut = left.pop(0)
            yield cut, sound.taken(cut.heard.start, cut.heard.end)
        if not left:
            return
        sound.forget(left[0].heard.start)
    yield from ((cut, sound.taken(cut.heard.start, cut.heard.end)) for cut in left)  # the last may end a sample later


def _gaps(
    around: Sequence[tuple[Unsure, NDArray[np.float32]]],
    texts: Sequence[str] | None,
    hearing: Hearing,
    layer: Aligner,
    alive: Alive,
) -> list[Span | None]:
    """For each cut the gap between words that it should lie in; None: it touches no word, or that is not known."""
    if texts is None:
        written = hearing.written([samples for _, samples in around], alive)
        said = [(text, "") for text in written]
    else:
        said = [(texts[cut.place], texts[cut.place + 1]) for cut, _ in around]
    gaps: list[Span | None] = []
    for (cut, samples), (before, after) in zip(around, said, strict=True):
        alive()
        laid = layer.align(samples, f"{before} {after}")
        many = [len(normalise(text, layer.language).split()) for text in (before, after)]
        if laid is None or laid.fit < FITS or laid.worst < WORST_FITS or len(laid.words) != sum(many):
            gaps.append(None)
            continue
        gap = _gap(laid, cut.at - cut.heard.start, many[0] if texts is not None else None)
        gaps.append(Span(gap.start + cut.heard.start, gap.end + cut.heard.start) if gap is not None else None)
    return gaps


def _gap(laid: Alignment, at: float, first: int | None) -> Span | None:
    """Where a cut at a time should be, in seconds of what was laid; None: where it is. `first`: the word that the
    second piece begins with, where texts say so; else any gap will do, and the nearest is taken."""
    words = laid.words
    gaps = [Span(one.end, max(one.end, other.start)) for one, other in itertools.pairwise(words)]
    if first is not None:
        gaps = gaps[first - 1 : first] if 0 < first < len(words) else []
    elif not any(word.start + _SLACK < at < word.end - _SLACK for word in words):
        return None
    gap = min(gaps, key=lambda one: _away(one, at), default=None)
    return gap if gap is not None and _away(gap, at) > _SLACK else None


def _away(gap: Span, at: float) -> float:
    """Seconds from a time to a gap; 0 inside."""
    return max(gap.start - at, at - gap.end, 0.0)


def _moved(one: Piece, other: Piece, gap: Span, found: Survey, lengths: tuple[float, float]) -> tuple[Piece, Piece]:
    """Two neighbours with their cut in the quietest moment of a gap; as they are, where one would be too short or too
    long by it."""
    cut, before = quietest(found.power, gap.start, gap.end), (one.end + other.start) / 2
    end, start = min(cut, gap.start + MARGIN), max(cut, gap.end - MARGIN)
    shortest, longest = lengths
    if not (shortest <= end - one.start <= longest and shortest <= other.end - start <= longest):
        return one, other
    voiced = sum(max(0.0, min(span.end, max(cut, before)) - max(span.start, min(cut, before))) for span in found.speech)
    gained = voiced if cut > before else -voiced
    return (
        replace(one, end=end, speech=max(0.0, one.speech + gained)),
        replace(other, start=start, speech=max(0.0, other.speech - gained)),
    )
