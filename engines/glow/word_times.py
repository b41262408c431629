"""Where the words of a sentence lie in its sound: exact, since the engine itself decides how long each token lasts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engines.base import WordTime
from engines.glow import mel, phonemes, text
from engines.text.written import written

#: symbols that belong to no word
_BETWEEN = frozenset((phonemes.START, phonemes.SPACE, ",", ".", "?", "!"))


def word_times(sentence: str, words: str, symbols: Sequence[str], frames: Sequence[int]) -> tuple[WordTime, ...]:
    """Of a sentence as it was written: `words` is what `text.normalise` made of it, `symbols` its phonemes, `frames`
    how long each lasts. Empty where the phonemizer made other words of it."""
    names, spans = _words(words), _spans(symbols, frames)
    if len(spans) != len(names):
        return ()
    spoken = [WordTime(name, start, end) for name, (start, end) in zip(names, spans, strict=True)]
    return written(sentence, spoken, lambda one: len(_words(text.normalise(one))))


def _words(normalised: str) -> list[str]:
    return re.findall(r"[a-z']+", normalised)


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
