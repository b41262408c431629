"""From words as they are spoken to words as they were written: "7:30" is spoken as two."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engines.base import WordTime

#: marks around a word that are no part of it
_MARKS = '"“”«»‹›‘’„()[]{}…,;:!?'


def written(sentence: str, spoken: Sequence[WordTime], count: Callable[[str], int]) -> tuple[WordTime, ...]:
    """The words of a sentence with the times of those it is spoken by; `count` says how many spoken words a written
    one is. Where that does not add up, the spoken words."""
    words = [(word, count(word)) for word in sentence.split()]
    if sum(many for _, many in words) != len(spoken):
        return tuple(spoken)
    times, at = [], 0
    for word, many in words:
        if many:
            times.append(WordTime(_bare(word), spoken[at].start, spoken[at + many - 1].end))
        at += many
    return tuple(times)


def _bare(word: str) -> str:
    """Without the marks around it; the full stop of an abbreviation with others inside stays."""
    bare = word.strip(_MARKS)
    return bare.removesuffix(".") if bare.count(".") == 1 else bare
