"""Choose where to cut: at pauses, so that clips have a length the engine trains on, and never inside a word."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engines.cutting.power import HOP, STEP, Power
from engines.cutting.vad import SAMPLE_RATE, Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Silence kept before and after the speech of a clip where there is any, seconds.
MARGIN = 0.12
#: A pause inside a clip is welcome up to this long, seconds; longer ones teach the voice to halt.
_LONG_PAUSE = 0.6
#: Below this a pause may yet be a long closure inside a word; it is cut at only where nothing better is near, seconds.
_SURE_PAUSE = 0.2
#: The speech model may notice speech so late, and lose it so early, seconds: a sound that is loud at an edge goes on to
#: where it is quiet, this far below the speech around it, or hardly above the quietest moment near by, dB.
_REACH, _QUIET_DB, _HARDLY_DB = 0.4, 25.0, 6.0
#: A dip that a stretch without pauses may be cut at: this long, and this far below the speech around it.
_DIP_SECONDS, _DIP_DB = 0.08, 25.0


@dataclass(frozen=True)
class Piece:
    """A stretch to become a clip, in seconds of the recording."""

    start: float  #: where the clip begins, margin included
    end: float
    speech: float  #: seconds of speech in it
    too_long: bool = False  #: it holds no pause to cut at


def choose_pieces(speech: Sequence[Span], power: Power, shortest: float, longest: float) -> list[Piece]:
    """Join stretches of speech into pieces of `shortest` to `longest` seconds, cutting at the best pauses.

    `speech`: the stretches in order, in seconds of the recording; `power`: the recording's power over its whole length.
    Returns pieces in order, in seconds of the recording; every stretch is in exactly one of them. A piece is shorter
    than `shortest`, or marked too long, only where no cut and no join helps. Raises nothing; no speech gives no pieces.
    """
    atoms = atoms_of(speech, power, longest)
    return [piece for piece, _ in joined(atoms, [atom.seconds for atom in atoms], power, shortest, longest)]


def atoms_of(speech: Sequence[Span], power: Power, longest: float) -> list[Span]:
    """Stretches of speech that can be cut between, each short enough for a clip where it has a dip to be parted at."""
    room = longest - 2 * MARGIN
    return [part for span in speech for part in (_split_at_dips(span, power, room) if span.seconds > room else [span])]


def joined(
    atoms: Sequence[Span],
    voiced: Sequence[float],
    power: Power,
    shortest: float,
    longest: float,
    costs: Sequence[float] = (),
) -> list[tuple[Piece, range]]:
    """Stretches in order, joined into pieces at the best pauses between them; `voiced`: seconds of speech in each;
    `costs`: what a cut behind each but the last costs more than its pause tells (none: nothing). Returns each piece
    with the places of its stretches."""
    room = longest - 2 * MARGIN
    groups = _group(atoms, shortest, room, costs)
    cuts = [quietest(power, atoms[last].end, atoms[last + 1].start) for _, last in groups[:-1]]
    total = power.seconds
    pieces = []
    for number, (first, last) in enumerate(groups):
        left = cuts[number - 1] if number else 0.0
        right = cuts[number] if number < len(cuts) else total
        span = Span(atoms[first].start, atoms[last].end)
        heard = sounding(span, power, left, right)
        too_long = span.seconds > room
        # what sounds on may not make a clip longer than it may be: it takes from the margin
        margin = MARGIN if too_long else min(MARGIN, max(0.0, (longest - heard.seconds) / 2))
        if not too_long and heard.seconds > longest:
            heard, margin = span, MARGIN
        start, end = max(left, heard.start - margin, 0.0), min(right, heard.end + margin, total)
        piece = Piece(start, end, sum(voiced[first : last + 1]), too_long)
        pieces.append((piece, range(first, last + 1)))
    return pieces


def sounding(span: Span, power: Power, left: float, right: float) -> Span:
    """A stretch of speech with what sounds on at its edges, within `left` and `right` (seconds): no word is touched by
    an edge that the speech model saw late."""
    import numpy as np

    level = power.frames(span.start, span.end)
    if not len(level):
        return span
    loud = float(np.percentile(level, 80)) * 10 ** (-_QUIET_DB / 10)

    def sounds_on(frames: NDArray[np.float64]) -> int:
        """How many of the frames next to an edge, nearest first, are not quiet."""
        quiet = frames < max(loud, float(frames.min(initial=np.inf)) * 10 ** (_HARDLY_DB / 10))
        return int(quiet.argmax()) if quiet.any() else 0

    before = power.frames(max(left, span.start - _REACH), span.start)[::-1]
    after = power.frames(span.end, min(right, span.end + _REACH))
    return Span(
        max(left, span.start - STEP * sounds_on(before)),
        min(right, span.end + STEP * sounds_on(after)),
    )


def parted(piece: Piece, longest: float) -> list[Piece]:
    """A piece in equal parts none of which is longer than `longest` seconds; nearly always it is one."""
    count = max(1, math.ceil((piece.end - piece.start) / longest - 1e-9))
    edges = [piece.start + (piece.end - piece.start) * i / count for i in range(count)] + [piece.end]
    return [replace(piece, start=a, end=b, speech=piece.speech / count) for a, b in itertools.pairwise(edges)]


def _group(atoms: Sequence[Span], shortest: float, room: float, costs: Sequence[float]) -> list[tuple[int, int]]:
    """The cheapest way to part the atoms into runs (first, last): dynamic programming over where the last run
    begins."""
    best = [0.0] + [math.inf] * len(atoms)  # best[n]: cost of the first n atoms
    begins = [0] * (len(atoms) + 1)
    for count in range(1, len(atoms) + 1):
        inner = 0.0
        for first in range(count - 1, -1, -1):
            length = atoms[count - 1].end - atoms[first].start
            if first < count - 1:
                if length > room:
                    break
                inner += _pause_cost(atoms[first + 1].start - atoms[first].end)
            cut = 0.0 if first == 0 else _cut_cost(atoms[first].start - atoms[first - 1].end)
            if first and costs:
                cut += costs[first - 1]
            cost = best[first] + inner + cut + _length_cost(length, shortest, room)
            if cost < best[count]:
                best[count], begins[count] = cost, first
    groups: list[tuple[int, int]] = []
    end = len(atoms)
    while end > 0:
        groups.append((begins[end], end - 1))
        end = begins[end]
    return groups[::-1]


def _length_cost(length: float, shortest: float, room: float) -> float:
    """A clip about half as long as allowed costs nothing; one too short is lost, and costs most."""
    target = room / 2
    lost = 12.0 if length + 2 * MARGIN < shortest else 0.0
    return 0.3 + ((length - target) / target) ** 2 + lost


def _pause_cost(pause: float) -> float:
    """Of leaving a pause inside a clip."""
    return 4.0 * max(0.0, pause - _LONG_PAUSE)


def _cut_cost(pause: float) -> float:
    """Of cutting at a pause."""
    return 0.0 if pause >= 2 * _SURE_PAUSE else 1.5 if pause >= _SURE_PAUSE else 4.0


def _split_at_dips(span: Span, power: Power, room: float) -> list[Span]:
    """Part a stretch without pauses at its quietest dips, the deepest first, until every part fits or there are no
    more."""
    dips = _dips(span, power)
    starts, parts = [span.start], [span]  # in order of time
    long = 1  # parts that do not fit
    for dip in sorted(dips, key=lambda one: one.seconds, reverse=True):
        if not long:
            break
        at = bisect_left(starts, dip.start) - 1
        if at >= 0 and dip.end < parts[at].end and parts[at].seconds > room:
            two = [Span(parts[at].start, dip.start), Span(dip.end, parts[at].end)]
            parts[at : at + 1], starts[at : at + 1] = two, [one.start for one in two]
            long += sum(one.seconds > room for one in two) - 1
    return parts


def _dips(span: Span, power: Power) -> list[Span]:
    """Runs of near-silence inside a stretch of speech that are long enough to be no consonant."""
    import numpy as np

    level = power.frames(span.start, span.end)
    level += 1e-12
    np.log10(level, out=level)
    level *= 10
    quiet = level < np.percentile(level, 80) - _DIP_DB
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet.astype(np.int8), [0]])))
    runs = edges.reshape(-1, 2)
    return [
        Span(span.start + a * STEP, span.start + b * STEP)
        for a, b in runs.tolist()
        if (b - a) * STEP >= _DIP_SECONDS - 1e-9
    ]


def quietest(power: Power, start: float, end: float) -> float:
    """The middle of the quietest 20 ms between two times, seconds."""
    import numpy as np

    frames = power.frames(start, end)
    if len(frames) < 3:
        return (start + end) / 2
    energy = np.convolve(frames, np.ones(2), mode="valid")
    quietest = np.flatnonzero(energy <= energy.min() * 1.5 + 1e-12)
    middle = quietest[
        np.abs(quietest - len(energy) / 2).argmin()
    ]  # of equally quiet places, the one farthest from both words
    return start + (float(middle) + 1) * HOP / SAMPLE_RATE
