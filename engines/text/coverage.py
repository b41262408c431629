"""Which sounds of a language a voice has said, how often, and which sentences would fill the gaps best."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from engines.text.sounds import Pronunciations, Sounds, Unit

#: A sound, or two that follow each other.
Pair = tuple[str, str]
#: A pair that was said so often is well known; one that was said less is worth reading.
ENOUGH = 5


@dataclass(frozen=True)
class Coverage:
    """Of some texts."""

    unit: Unit
    words: int  #: that were counted
    counts: Counter[str]  #: of each sound
    pairs: Counter[Pair]  #: of two sounds of a word that follow each other
    unknown: Counter[str]  #: words whose sounds are not known

    def missing(self, inventory: Iterable[str]) -> list[str]:
        """The sounds of an inventory that were never said, in its order."""
        return [sound for sound in inventory if not self.counts[sound]]


@dataclass(frozen=True)
class Wanted:
    """A sentence that is worth reading."""

    text: str
    new: tuple[str, ...]  #: sounds that nobody said yet, of those before it in the list neither
    rare: int  #: pairs of sounds in it that were said fewer than ENOUGH times


def coverage(texts: Iterable[str], pronunciations: Pronunciations) -> Coverage:
    """Count what is said in texts."""
    every = pronunciations.of(texts)
    found = Coverage(pronunciations.unit, sum(len(sounds.units) for sounds in every), Counter(), Counter(), Counter())
    for sounds in every:
        _add(found, sounds)
    return found


def inventory(sentences: Iterable[str], pronunciations: Pronunciations) -> list[str]:
    """The sounds of a language, commonest first, as far as a list of its sentences has them."""
    return [sound for sound, _ in coverage(sentences, pronunciations).counts.most_common()]


def wanted(said: Coverage, sentences: Sequence[str], pronunciations: Pronunciations, most: int) -> list[Wanted]:
    """At most `most` of the sentences, each the one that adds most to what was said and to those before it, beside its
    length. None that adds nothing."""
    now = Coverage(said.unit, said.words, Counter(said.counts), Counter(said.pairs), Counter())
    left = dict(zip(sentences, pronunciations.of(sentences), strict=True))
    chosen: list[Wanted] = []
    while left and len(chosen) < most:
        text, sounds = max(left.items(), key=lambda item: _worth(now, item[1]))
        if _worth(now, sounds) <= 0:
            break
        units = [unit for word in sounds.units for unit in word]
        pairs = {pair for word in sounds.units for pair in pairwise(word)}
        chosen.append(
            Wanted(
                text,
                tuple(dict.fromkeys(unit for unit in units if not now.counts[unit])),
                sum(now.pairs[pair] < ENOUGH for pair in pairs),
            )
        )
        _add(now, sounds)
        del left[text]
    return chosen


def _worth(now: Coverage, sounds: Sounds) -> float:
    """What the sounds of a sentence add, a sound of it: each pair counts the less the oftener it was said, and nothing
    once it was said ENOUGH times; a sound that was never said counts most."""
    many = sum(map(len, sounds.units))
    if not many:
        return 0.0
    pairs = {pair for word in sounds.units for pair in pairwise(word)}
    new = {unit for word in sounds.units for unit in word if not now.counts[unit]}
    gained = sum(1.0 - now.pairs[pair] / ENOUGH for pair in pairs if now.pairs[pair] < ENOUGH)
    return (gained + 10.0 * len(new)) / math.sqrt(many)


def _add(to: Coverage, sounds: Sounds) -> None:
    for word in sounds.units:
        to.counts.update(word)
        to.pairs.update(pairwise(word))
    to.unknown.update(sounds.unknown)
