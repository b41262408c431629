"""Where the words of a sentence lie in its sound: exact, since the engine itself decides how long each token lasts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engines.base import WordTime
from engines.glow import mel, phonemes, text

#: symbols that belong to no word
_BETWEEN = frozenset((phonemes.START, phonemes.SPACE, ",", ".", "?", "!"))


def word_times(sentence: str, words: str, symbols: Sequence[str], frames: Sequence[int]) -> tuple[WordTime, ...]:
    """Of a sentence as it was written: `words` is what `text.normalise` made of it, `symbols` its phonemes, `frames`
    how long each lasts. Empty where the phonemizer made other words of it.

    A written word that is spoken as several ("42") lasts as long as they do together. Where that cannot be told, the
    spoken words stand for the written ones.
    """
    spoken = re.findall(r"[a-z']+", words)
    spans = _spans(symbols, frames)
    if len(spans) != len(spoken):
        return ()
    written = [(one, len(re.findall(r"[a-z']+", text.normalise(one)))) for one in sentence.split()]
    if sum(count for _, count in written) != len(spoken):
        written = [(one, 1) for one in spoken]
    times, at = [], 0
    for one, count in written:
        if count:
            times.append(WordTime(one.strip('.,;:!?"“”«»()[]…'), spans[at][0], spans[at + count - 1][1]))
        at += count
    return tuple(times)


def _spans(symbols: Sequence[str], frames: Sequence[int]) -> list[tuple[float, float]]:
    """Begin and end of each word, seconds."""
    found: list[tuple[float, float]] = []
    at, inside = 0, False
    for symbol, count in zip(symbols, frames, strict=True):
        begin, at = at, at + count
        if symbol in _BETWEEN:
            inside = False
            continue
        first = found.pop()[0] if inside else begin * mel.HOP / mel.SAMPLE_RATE
        found.append((first, at * mel.HOP / mel.SAMPLE_RATE))
        inside = True
    return found
