"""Pieces of a recording whose text came with times, as subtitles do: each piece has the words of its own cues, so that
nothing need be shared out by what a recogniser heard.

The times are a person's, and late or early by some tenths of a second: they say which stretch of speech belongs to
which words, and the pauses say where to cut.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import NamedTuple

from engines.cutting.pauses import Piece, atoms_of, joined
from engines.cutting.power import Power
from engines.cutting.vad import Span

#: Seconds by which the times of a cue may be off.
_SLACK = 0.3
#: Cues at one time that are looked at.
_MOST = 100


class Cue(NamedTuple):
    """What is said between two times, seconds of the recording."""

    start: float
    end: float
    text: str


def cued_pieces(
    cues: Sequence[Cue], speech: Sequence[Span], power: Power, shortest: float, longest: float
) -> list[tuple[Piece, str]]:
    """Pieces of `shortest` to `longest` seconds in order, each with the words that its cues give it; empty for speech
    that no cue tells of. Cues that one stretch of speech runs through stay together. `speech`: the stretches in order,
    `power`: the recording's, over its whole length."""
    atoms = atoms_of(speech, power, longest)
    told = _Cues(sorted(cues))
    mine_of = [told.of(atom) for atom in atoms]
    units: list[tuple[int, int, set[int]]] = []  # (first atom, last atom, cues)
    for place, mine in enumerate(mine_of):
        if units and (units[-1][2] & mine or (not units[-1][2] and not mine)):
            first, _, before = units[-1]
            units[-1] = (first, place, before | mine)
        else:
            units.append((place, place, mine))
    spans = [Span(atoms[first].start, atoms[last].end) for first, last, _ in units]
    voiced = [sum(atom.seconds for atom in atoms[first : last + 1]) for first, last, _ in units]
    found: list[tuple[Piece, str]] = []
    for run in _runs([bool(mine) for *_, mine in units]):
        inside = slice(run.start, run.stop)
        for piece, places in joined(spans[inside], voiced[inside], power, shortest, longest):
            mine = set().union(*(units[run.start + place][2] for place in places))
            found.append((piece, " ".join(told.cues[cue].text for cue in sorted(mine))))
    return _apart(found)


class _Cues:
    """Cues in the order of their times, found by a time."""

    def __init__(self, cues: Sequence[Cue]) -> None:
        self.cues = cues
        self._starts = [cue.start for cue in cues]
        self._ended = list(accumulate((cue.end for cue in cues), max))  # latest end of all up to here

    def of(self, atom: Span) -> set[int]:
        """Places of the cues that a stretch of speech is of: those with more than a bit of it, or the one with most."""
        last = bisect_left(self._starts, atom.end + _SLACK)
        shares: dict[int, float] = {}
        for place in range(last - 1, max(-1, last - 1 - _MOST), -1):
            if self._ended[place] < atom.start - _SLACK:
                break
            cue = self.cues[place]
            shares[place] = min(atom.end, cue.end) - max(atom.start, cue.start)
        best = max(shares, key=lambda place: shares[place], default=None)
        enough = -_SLACK if atom.seconds < 2 * _SLACK else _SLACK  # a short word may stand beside its cue
        if best is None or shares[best] <= enough:
            return set()
        return {best, *(place for place, share in shares.items() if share > _SLACK)}


def _apart(found: list[tuple[Piece, str]]) -> list[tuple[Piece, str]]:
    """The same, where margins met in a short pause: each piece ends before the next begins."""
    for place in range(len(found) - 1):
        (one, text), (other, words) = found[place : place + 2]
        if one.end > other.start:
            middle = (one.end + other.start) / 2
            found[place : place + 2] = (replace(one, end=middle), text), (replace(other, start=middle), words)
    return found


def _runs(told: Sequence[bool]) -> list[range]:
    """Places that follow each other and are alike."""
    runs: list[range] = []
    for place, one in enumerate(told):
        if runs and told[runs[-1].start] == one:
            runs[-1] = range(runs[-1].start, place + 1)
        else:
            runs.append(range(place, place + 1))
    return runs
