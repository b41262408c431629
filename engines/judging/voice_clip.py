"""A clip as the rest of its voice sees it, and the speaker embeddings by which clips are compared: plain Python."""

from __future__ import annotations

import math
import statistics
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul

#: Part of the clips, those nearest to it, that a centroid is made of, and how often it is made anew.
_NEAREST, _ROUNDS = 0.7, 4
#: Clips, spread over all, that are enough for a centroid.
_ENOUGH = 600

Vector = tuple[float, ...]


@dataclass(frozen=True)
class VoiceClip:
    """A clip beside others."""

    id: int
    sha256: str
    text: str
    seconds: float
    seconds_per_char: float | None
    voiceprint: bytes  #: see `packed`; empty: not measured
    sketch: bytes  #: a picture of its sound, bytes of -127…127; empty: not measured
    cer: float | None = None  #: of a given text against what a weak recogniser heard
    overlap: float | None = None  #: how much of it is spoken by two at once, an estimate; None: not measured
    recording: int = 0  #: that it is of
    first: bool = False  #: of equal ones it goes before others: it is held out, or a person said it is kept


def packed(embedding: Sequence[float]) -> bytes:
    """A speaker embedding in half precision."""
    return struct.pack(f"<{len(embedding)}e", *embedding)


def unpacked(voiceprint: bytes) -> Vector:
    """Of length 1."""
    return unit(struct.unpack(f"<{len(voiceprint) // 2}e", voiceprint))


def is_packed(voiceprint: bytes) -> bool:
    """Whether that can be a speaker embedding: numbers, not all of them 0."""
    if not voiceprint or len(voiceprint) % 2:
        return False
    values = struct.unpack(f"<{len(voiceprint) // 2}e", voiceprint)
    return all(map(math.isfinite, values)) and any(values)


def centroid(prints: Sequence[Vector]) -> Vector:
    """Of the larger part of the clips that are near each other, so that strangers do not move it. Begins at the clip
    that has the most of them near."""
    some = prints[:: -(-len(prints) // _ENOUGH)]
    few = some[:: -(-len(some) // 40)]
    found = max(few, key=lambda one: statistics.median(likeness(one, other) for other in few))
    count = max(1, round(_NEAREST * len(some)))
    for _ in range(_ROUNDS):
        near = sorted(some, key=lambda one: -likeness(found, one))[:count]
        found = unit([sum(column) for column in zip(*near, strict=True)])
    return found


def likeness(one: Vector, other: Vector) -> float:
    """Cosine of two of length 1."""
    found: float = sum(map(mul, one, other))
    return found


def unit(values: Sequence[float]) -> Vector:
    """Of length 1."""
    length = math.sqrt(sum(map(mul, values, values))) or 1.0
    return tuple(value / length for value in values)
