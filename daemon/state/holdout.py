"""Which clips never train. A pure rule over units, so that it can be tested against any history.

A unit is a recording, or a ten-minute block of a long one. Its hash gives a fraction in 0…1 that nobody can steer:
below a tenth, it is held out, while the voice holds fewer than LIMIT clips. A unit is decided when it first comes into
a dataset. What is held stays held, as a stretch of seconds in the recording, through re-cutting, removing and adding
again; what has trained is never held.

If nothing would be held, the never-trained unit with the smallest fraction is taken, so that every voice can be scored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

#: Share of units that are held out.
SHARE = 0.1
#: Held-out clips of a voice, at most.
LIMIT = 50
#: Length of a unit of a long recording, seconds.
BLOCK_SECONDS = 600.0
#: Clips that may be held by holding a whole unit for want of others; of a bigger one, a tenth is held.
FEW = 3
#: A unit bigger than this share of a voice is never held whole: too little would be left to train on.
WHOLE_SHARE = 0.25
#: Clips overlap their neighbours by a little silence; that much overlap with a held stretch, seconds, does not count.
TOLERANCE = 0.25

Span = tuple[float, float]  #: (start, end), seconds in the recording


@dataclass(frozen=True)
class Decision:
    """Whether a unit is held out, and which stretch of it."""

    held: bool
    start: float = 0.0  #: of the held stretch, seconds in the recording
    end: float = 0.0


NOT_HELD = Decision(held=False)


@dataclass(frozen=True)
class Unit:
    """A recording, or a block of one, with its kept clips."""

    sha256: str  #: of the recording
    block: int
    clips: tuple[Span, ...] = field(default=())  #: kept clips that start in it, in order of time
    decision: Decision | None = None  #: as stored; None: not decided yet
    trained: bool = False  #: one of its clips was ever in a dataset to train on

    @property
    def fraction(self) -> float:
        """Evenly spread over 0…1, the same for ever."""
        return fraction(self.sha256, self.block)

    @property
    def order(self) -> tuple[float, str, int]:
        return (self.fraction, self.sha256, self.block)


def fraction(sha256: str, block: int, purpose: str = "hold") -> float:
    """A number in 0…1 from a hash of the unit."""
    digest = hashlib.sha256(f"{purpose}:{sha256}:{block}".encode()).digest()
    return float(int.from_bytes(digest[:8], "big") / 2**64)


def block_of(start: float, recording_seconds: float) -> int:
    """Which unit of its recording a clip belongs to."""
    return int(start // BLOCK_SECONDS) if recording_seconds > BLOCK_SECONDS else 0


def inside(clip: Span, stretches: Sequence[Span]) -> bool:
    """Whether a clip has sound in common with a held stretch."""
    enough = min(TOLERANCE, (clip[1] - clip[0]) / 2)
    return any(min(clip[1], end) - max(clip[0], start) > enough for start, end in stretches)


def within(clip: Span, stretches: Sequence[Span]) -> bool:
    """Whether all of a clip lies in one held stretch. One that is inside but not within lies across an edge: it holds
    sound that may have trained, so it is neither trained on nor held out."""
    return any(start - clip[0] <= TOLERANCE and clip[1] - end <= TOLERANCE for start, end in stretches) and inside(
        clip, stretches
    )


def decide(units: Sequence[Unit], held_elsewhere: int = 0) -> dict[tuple[str, int], Decision]:
    """Decisions to store: for every undecided unit, and for the one that is taken because nothing else is held.

    `units` are all of a voice that have kept clips and are not removed; `held_elsewhere` counts held clips of removed
    recordings, which come back with them. A decision that is held already is never given again.
    """
    total = sum(len(unit.clips) for unit in units)
    held = sum(_held_clips(unit, unit.decision) for unit in units if unit.decision is not None)
    made: dict[tuple[str, int], Decision] = {}
    for unit in sorted((unit for unit in units if unit.decision is None), key=lambda unit: unit.order):
        made[unit.sha256, unit.block] = NOT_HELD
        if unit.fraction >= SHARE or unit.trained or not unit.clips:
            continue
        whole = len(unit.clips) <= max(1.0, WHOLE_SHARE * total)
        decision = _hold(unit, whole, min(LIMIT - held - held_elsewhere, total - held - 1))
        made[unit.sha256, unit.block] = decision
        held += _held_clips(unit, decision)
    if held == 0:
        for unit in sorted(units, key=lambda unit: unit.order):
            whole = len(unit.clips) <= min(FEW, total / 2)
            decision = _hold(unit, whole, min(LIMIT - held_elsewhere, total - 1))
            taken = unit.decision is not None and unit.decision.held
            if unit.clips and not unit.trained and not taken and decision.held:
                made[unit.sha256, unit.block] = decision
                break
    return made


def _hold(unit: Unit, whole: bool, room: int) -> Decision:
    """Hold the unit, or a stretch of a tenth of it, of at most `room` clips (so many are left in the budget, and one is
    left to train)."""
    count = len(unit.clips)
    wanted = min(count if whole else max(1, round(count * SHARE)), room)
    if wanted < 1:
        return NOT_HELD
    first = int(fraction(unit.sha256, unit.block, "stretch") * (count - wanted + 1))
    return Decision(True, unit.clips[first][0], unit.clips[first + wanted - 1][1])


def _held_clips(unit: Unit, decision: Decision) -> int:
    return sum(inside(clip, [(decision.start, decision.end)]) for clip in unit.clips) if decision.held else 0
