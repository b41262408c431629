"""Give each piece of a long recording its share of the given text.

The recogniser's words need not be right for this, only alike: given text and everything heard are aligned letter by
letter (Levenshtein, by rapidfuzz), and the borders between pieces are carried over to the nearest fitting word border
of the given text.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from engines.metrics.normalise import normalise

#: How many words a border may be moved from where the letters put it.
_REACH = 3
#: Letters that a border is worth being moved by, to stand after punctuation: people pause there.
_PUNCTUATION_BONUS = 2.5


@dataclass(frozen=True)
class Share:
    """The given words of one piece."""

    text: str  #: as given, punctuation and all; empty if the text has nothing for this piece
    cer: float  #: letters that differ between these words and what was heard, as a share of the longer


def share_out(text: str, heard: Sequence[str], language: str) -> list[Share]:
    """Part `text` into one share for each piece, in order; every given word goes to exactly one piece.

    `heard`: what a recogniser heard in each piece. Pieces whose share fits badly are for the caller to drop (see
    Share.cer).
    """
    tokens = tokens_of(text)
    spoken = [_letters(token, language) for token in tokens]
    pieces = [_letters(one, language) for one in heard]
    starts = _running(
        len(word) for word in spoken
    )  # letter position at which each given word begins; one more: the end
    borders = _carry_over("".join(spoken), pieces)
    cuts = [0, *(_nearest(starts, border) for border in borders), len(tokens)]
    for _ in range(2):  # a border may move again once its neighbour has
        for i in range(1, len(cuts) - 1):
            cuts[i] = _best_cut(i, cuts, tokens, spoken, pieces)
    shares = []
    for i, piece in enumerate(pieces):
        words = slice(cuts[i], cuts[i + 1])
        shares.append(Share(_join(tokens[words], language), distance("".join(spoken[words]), piece)))
    return shares


def disagreement(text: str, heard: str, language: str) -> float:
    """Share of letters, 0…1, by which a given text and what was heard differ. Spaces do not count: "foot ball" is
    "football"."""
    return distance(_letters(text, language), _letters(heard, language))


def distance(a: str, b: str) -> float:
    """Edit distance as a share of the longer string; 0 for two empty ones."""
    return Levenshtein.normalized_distance(a, b)


def tokens_of(text: str) -> list[str]:
    """Words with their punctuation. Text written without spaces (Chinese, Japanese, Thai) falls into its characters."""
    parts: list[str] = []
    for word in text.split():
        if re.search(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]", word):
            parts += re.findall(r"[A-Za-z0-9]+|\w[^\w\s]*|[^\w\s]+", word)
        else:
            parts.append(word)
    return parts


def _letters(text: str, language: str) -> str:
    return normalise(text, language).replace(" ", "").replace("'", "")


def _join(tokens: Sequence[str], language: str) -> str:
    return ("" if language in ("zh", "ja", "th", "lo", "km") else " ").join(tokens)


def _running(lengths: object) -> list[int]:
    total, sums = 0, [0]
    for length in lengths:  # type: ignore[attr-defined]
        total += length
        sums.append(total)
    return sums


def _carry_over(given: str, pieces: Sequence[str]) -> list[int]:
    """For each border between pieces, the letter of `given` that it falls on."""
    blocks = Levenshtein.opcodes("".join(pieces), given)
    borders, position, operation = [], 0, 0
    codes = list(blocks)
    for piece in pieces[:-1]:
        position += len(piece)
        while operation < len(codes) - 1 and codes[operation].src_end <= position:
            operation += 1
        if not codes:
            borders.append(0)
            continue
        code = codes[operation]
        share = (position - code.src_start) / max(code.src_end - code.src_start, 1)
        borders.append(code.dest_start + round(min(max(share, 0.0), 1.0) * (code.dest_end - code.dest_start)))
    return borders


def _nearest(starts: Sequence[int], letter: int) -> int:
    """The first of the places in `starts`, which rise, that is nearest to a letter."""
    after = bisect_left(starts, letter)
    before = bisect_left(starts, starts[after - 1]) if after else 0
    return before if after == len(starts) or letter - starts[before] <= starts[after] - letter else after


def _best_cut(i: int, cuts: Sequence[int], tokens: Sequence[str], spoken: Sequence[str], pieces: Sequence[str]) -> int:
    """The word border near cuts[i] at which both neighbours fit best."""

    def cost(cut: int) -> float:
        left = Levenshtein.distance("".join(spoken[cuts[i - 1] : cut]), pieces[i - 1])
        right = Levenshtein.distance("".join(spoken[cut : cuts[i + 1]]), pieces[i])
        after_stop = cut > 0 and bool(re.search(r"[.!?…。！？;:,，、]['\"”’)\]]*$", tokens[cut - 1]))
        return left + right - (_PUNCTUATION_BONUS if after_stop else 0.0) + 0.01 * abs(cut - cuts[i])

    low, high = max(cuts[i - 1], cuts[i] - _REACH), min(cuts[i + 1], cuts[i] + _REACH)
    return min(range(low, high + 1), key=cost)
