"""Pieces of a recording whose given text was laid under all of it before it is cut: no cut is inside a word, the ends
of sentences are preferred, and each piece has the words that are said in it, whoever hears them.

Only where the text lies well: where words are missing in it, or too many, what a recogniser hears of each piece tells
more (`engines.cutting.align`).
"""

from __future__ import annotations

import itertools
import math
import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from engines.cutting.align import tokens_of
from engines.cutting.pauses import MARGIN, Piece, atoms_of, joined
from engines.cutting.power import Power
from engines.cutting.vad import Span
from engines.metrics.normalise import normalise
from engines.transcription.alignment import FITS, UNLIKE, Alignment
from engines.transcription.base import Word

#: Seconds of a recording, at most: all of its samples are laid at once, in so much memory.
LONGEST_LAID = 600.0
#: Share of words that may sound unlike themselves: of right texts one in some forty does.
_UNLIKE_SHARE = 0.05
#: Seconds of speech without a word from which words are missing in the text, and with words that do not sound like
#: themselves: a short one is stretched over what is missing.
_UNTOLD, _UNLIKE_SECONDS = 0.5, 1.0
#: Seconds that a word takes at most, and more for each of its letters: nobody speaks so slowly.
_LONG_WORD, _LONG_LETTER = 0.4, 0.12
#: Seconds that a word must reach into two stretches of speech to hold them together: its times may be wrong by so much.
_REACHES = 0.05
#: What a cut costs (as `engines.cutting.pauses` counts) in the midst of a sentence, and at a comma.
_IN_SENTENCE, _IN_CLAUSES = 1.0, 0.5


@dataclass(frozen=True)
class _Said:
    """A word as the text has it, punctuation and all."""

    text: str
    start: float
    end: float

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2


def worded_pieces(
    text: str,
    laid: Alignment,
    language: str,
    speech: Sequence[Span],
    power: Power,
    lengths: tuple[float, float],
) -> list[tuple[Piece, str]] | None:
    """Pieces of `lengths` (shortest, longest) seconds in order, each with its words; None where the text does not lie
    well enough for that. `laid`: the text in the whole recording; `speech`: its stretches in order, `power`: its power,
    over its whole length."""
    said = _said(text, laid, language)
    if said is None or not _lies_well(laid):
        return None
    if not _told(speech, laid.words, _UNTOLD) or not _told(speech, [*filter(_sounds, laid.words)], _UNLIKE_SECONDS):
        return None
    atoms = atoms_of(speech, power, lengths[1])
    groups = _groups(atoms, said, lengths[1] - 2 * MARGIN)
    if groups is None:
        return None
    spans = [Span(atoms[first].start, atoms[last].end) for first, last in groups]
    voiced = [sum(atom.seconds for atom in atoms[first : last + 1]) for first, last in groups]
    words = _shared(said, spans)
    costs = [_cost(mine[-1].text if mine else "") for mine in words[:-1]]
    return [
        (piece, " ".join(word.text for place in places for word in words[place]))
        for piece, places in joined(spans, voiced, power, *lengths, costs)
    ]


def _said(text: str, laid: Alignment, language: str) -> list[_Said] | None:
    """The words as they are written, with their times; None where they are not those that were laid."""
    tokens = tokens_of(text)
    counts = [len(normalise(token, language).split()) for token in tokens]
    if sum(counts) != len(laid.words) or not counts:
        return None
    found: list[_Said] = []
    first, loose = 0, ""
    for token, count in zip(tokens, counts, strict=True):
        if not count and found:  # a dash: it stays with the word before it
            found[-1] = _Said(f"{found[-1].text} {token}", found[-1].start, found[-1].end)
        elif not count:
            loose += f"{token} "
        else:
            mine = laid.words[first : first + count]
            found.append(_Said(loose + token, mine[0].start, mine[-1].end))
            first, loose = first + count, ""
    return found


def _lies_well(laid: Alignment) -> bool:
    unlike = sum(not _sounds(word) for word in laid.words)
    return laid.fit >= FITS and unlike <= _UNLIKE_SHARE * len(laid.words)


def _sounds(word: Word) -> bool:
    """Whether a word sounds like itself, and is not stretched over what it is not."""
    usual = _LONG_WORD + _LONG_LETTER * len(word.text)
    return word.confidence >= math.exp(UNLIKE) and word.end - word.start <= usual


def _told(speech: Sequence[Span], words: Sequence[Word], most: float) -> bool:
    """Whether no speech goes on for longer than `most` seconds without one of the words."""
    ends = [word.end for word in words]
    for span in speech:
        at = span.start
        for word in words[bisect_left(ends, span.start) :]:
            if word.start >= span.end or word.start - at > most:
                break
            at = max(at, word.end)
        if span.end - at > most:
            return False
    return True


def _groups(atoms: Sequence[Span], said: Sequence[_Said], room: float) -> list[tuple[int, int]] | None:
    """Stretches of speech (first, last) that no word runs between, each with a word at least; None where one has none
    and is no click. What would take longer than `room` seconds is not held together: its cut
    is moved out of the word then (`engines.cutting.edges`)."""
    ends = [atom.end for atom in atoms]
    told, held = set[int](), set[int]()  # stretches with a word; those that a word holds to the next one
    for word in said:
        place = min(bisect_left(ends, word.middle), len(atoms) - 1)
        if (
            place
            and atoms[place].start > word.middle
            and word.middle - ends[place - 1] < atoms[place].start - word.middle
        ):
            place -= 1
        told.add(place)
        for one in (place - 1, place):
            if 0 <= one < len(atoms) - 1 and _both(word, atoms[one], atoms[one + 1]):
                held.add(one)
    for place, atom in enumerate(atoms):  # a click, a breath: it goes to the nearer neighbour
        if place in told or place in held or place - 1 in held:
            continue
        if atom.seconds > _UNTOLD or len(atoms) == 1:
            return None
        before = atom.start - atoms[place - 1].end if place else math.inf
        after = atoms[place + 1].start - atom.end if place + 1 < len(atoms) else math.inf
        held.add(place - 1 if before <= after else place)
    groups = [(0, 0)]
    for place, atom in enumerate(atoms[1:], 1):
        first = groups[-1][0]
        if place - 1 in held and atom.end - atoms[first].start <= room:
            groups[-1] = (first, place)
        else:
            groups.append((place, place))
    return groups


def _both(word: _Said, one: Span, other: Span) -> bool:
    """Whether a word is said in both of two stretches."""
    return word.start < one.end - _REACHES and word.end > other.start + _REACHES


def _shared(said: Sequence[_Said], spans: Sequence[Span]) -> list[list[_Said]]:
    """The words of each stretch: each goes to the one that it is nearest to."""
    borders = [(one.end + other.start) / 2 for one, other in itertools.pairwise(spans)]
    shares: list[list[_Said]] = [[] for _ in spans]
    last = 0
    for word in said:
        last = max(last, bisect_left(borders, word.middle))  # in order, whatever the times
        shares[last].append(word)
    return shares


def _cost(before: str) -> float:
    """Of a cut behind a word."""
    if re.search(r"[.!?…][\"'”’)\]]*$", before):
        return 0.0
    return _IN_CLAUSES if re.search(r"[;:,–—][\"'”’)\]]*$", before) else _IN_SENTENCE
