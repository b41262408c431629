"""What is wrong with a clip beside the others of its voice: the same sound again, another speaker, somebody else who
speaks at once, another pace.

Plain Python: ten thousand clips take about a second, and no sound is read.
"""

from __future__ import annotations

import math
import statistics
import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from operator import mul

from engines.judging.limits import Limits
from engines.judging.reasons import Reason
from engines.judging.speakers import FEWEST_SPOKEN, speakers
from engines.judging.verdict import Verdict
from engines.judging.voice_clip import Vector, VoiceClip, likeness, unit, unpacked

#: Clips from which a voice has a pace of its own, and is known to a weak recogniser.
FEWEST_PACED, FEWEST_HEARD = 20, 12
#: The narrowest interquartile range, in log: a voice that is as even as a clock is not held against a tenth of a beat.
_EVENEST = 0.12
#: A weak recogniser that follows a voice, its median error below this, tells wrong texts from right ones sooner: this
#: far from the median to the limit that holds for any voice.
_FOLLOWED, _SOONER = 0.4, 0.75
#: Lengths of two nearly equal sounds differ less than this; and so many of like length are compared with a clip.
_LENGTH, _COMPARED = 0.04, 50

#: The detector of overlapping speech takes some voices for two who speak alone: by so much at the most, since what is
#: usual of a voice half of whose clips are of two is no mistake.
_MOST_USUAL = 0.3


def judge(clips: Sequence[VoiceClip], limits: Limits, chosen: bytes = b"") -> dict[int, Verdict]:
    """The first thing wrong with each clip of those that are good by themselves, by id; the others of them are kept. Of
    equal ones the earliest in `clips` stays. `chosen`: as `engines.judging.speakers.speakers` has it."""
    found: dict[int, Verdict] = {}
    for id, verdict in broken(clips, limits, chosen):
        found.setdefault(id, verdict)
    return found


def broken(clips: Sequence[VoiceClip], limits: Limits, chosen: bytes = b"") -> Iterator[tuple[int, Verdict]]:
    """All that is wrong with each, gravest first."""
    twice = set(_duplicates(clips)) if limits.duplicates else set()
    yield from ((id, Verdict(Reason.DUPLICATE)) for id in twice)
    once = [clip for clip in clips if clip.id not in twice]
    yield from _near_duplicates(once, limits.near_duplicate)
    yield from _strangers(once, limits.other_speaker, chosen)
    yield from _overlapped(once, limits.overlap)
    yield from _texts(once, limits.disagree[1])
    yield from _paces(once, limits.odd_pace)


def _duplicates(clips: Sequence[VoiceClip]) -> Iterator[int]:
    seen: set[str] = set()
    for clip in sorted(clips, key=_order):
        if clip.sha256 and clip.sha256 in seen:
            yield clip.id
        seen.add(clip.sha256)


def _near_duplicates(clips: Sequence[VoiceClip], limit: float) -> Iterator[tuple[int, Verdict]]:
    if limit >= 1:
        return
    said: dict[str, list[VoiceClip]] = defaultdict(list)
    for clip in sorted(clips, key=_order):
        if clip.sketch and (words := "".join(filter(str.isalnum, clip.text.casefold()))):
            said[words].append(clip)
    for alike in said.values():
        if len(alike) == 1:
            continue
        kept: list[tuple[VoiceClip, Vector]] = []
        for clip in alike:
            sketch = _picture(clip.sketch)
            near = [
                sum(map(mul, sketch, other))
                for one, other in kept[-_COMPARED:]
                if abs(one.seconds - clip.seconds) < _LENGTH * clip.seconds + 0.05
            ]
            if near and max(near) >= limit:
                yield clip.id, Verdict(Reason.NEAR_DUPLICATE, max(near), limit)
            else:
                kept.append((clip, sketch))


def usual_overlap(clips: Sequence[VoiceClip]) -> float:
    """How much of a voice's clips the detector takes for two, in the median; 0 for too few to tell. What a clip has
    above that is of somebody else."""
    found = [clip.overlap for clip in clips if clip.overlap is not None]
    return min(_MOST_USUAL, statistics.median(found)) if len(found) >= FEWEST_SPOKEN else 0.0


def _overlapped(clips: Sequence[VoiceClip], limit: float) -> Iterator[tuple[int, Verdict]]:
    if limit >= 1:
        return
    limit += usual_overlap(clips)
    yield from (
        (clip.id, Verdict(Reason.OVERLAP, clip.overlap, limit))
        for clip in clips
        if clip.overlap is not None and clip.overlap > limit
    )


def likenesses(clips: Sequence[VoiceClip], own: Vector | None) -> dict[int, float]:
    """Speaker similarity of each clip to the voice's own speaker, -1…1, by id; empty where nobody knows who that is."""
    if own is None:
        return {}
    return {clip.id: likeness(own, unpacked(clip.voiceprint)) for clip in clips if clip.voiceprint}


def pace_limits(clips: Sequence[VoiceClip], ranges: float) -> tuple[float, float] | None:
    """(fastest, slowest) seconds a letter that are not odd for the voice; None for too few clips to tell."""
    paces = sorted(math.log(clip.seconds_per_char) for clip in clips if clip.seconds_per_char)
    if len(paces) < FEWEST_PACED or not ranges:
        return None
    low, _, high = statistics.quantiles(paces, n=4, method="inclusive")
    room = ranges * max(high - low, _EVENEST)
    return math.exp(low - room), math.exp(high + room)


def _strangers(clips: Sequence[VoiceClip], limit: float, chosen: bytes) -> Iterator[tuple[int, Verdict]]:
    """Who is not alike enough to the voice's own speaker, or more alike to somebody else in its recordings."""
    if not limit:
        return
    found = speakers(clips, chosen)
    others = {id: other.centroid for other in found.every[1:] for id in other.clips}
    prints = {clip.id: clip.voiceprint for clip in clips}
    for id, alike in likenesses(clips, found.own).items():
        nearer = likeness(others[id], unpacked(prints[id])) if id in others else 0.0
        if alike < (least := max(limit, nearer)):
            yield id, Verdict(Reason.OTHER_SPEAKER, alike, least)


def _paces(clips: Sequence[VoiceClip], ranges: float) -> Iterator[tuple[int, Verdict]]:
    if (limits := pace_limits(clips, ranges)) is None:
        return
    fastest, slowest = limits
    for clip in clips:
        pace = clip.seconds_per_char
        if pace and not fastest <= pace <= slowest:
            yield clip.id, Verdict(Reason.ODD_PACE, pace, fastest if pace < fastest else slowest)


def _texts(clips: Sequence[VoiceClip], limit: float) -> Iterator[tuple[int, Verdict]]:
    errors = {clip.id: clip.cer for clip in clips if clip.cer is not None}
    if len(errors) < FEWEST_HEARD or (usual := statistics.median(errors.values())) >= _FOLLOWED:
        return
    sooner = usual + _SOONER * (limit - usual)
    for id, error in errors.items():
        if error > sooner:
            yield id, Verdict(Reason.DISAGREE, error, sooner)


def _picture(sketch: bytes) -> Vector:
    values = struct.unpack(f"<{len(sketch)}b", sketch)
    mean = sum(values) / len(values)
    return unit([value - mean for value in values])


def _order(clip: VoiceClip) -> bool:
    return not clip.first
