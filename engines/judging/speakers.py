"""Which people speak in a voice's clips, told by their speaker embeddings, and which of them is the voice's own.

Clips are put together by average linkage, the most alike first, until no two groups are alike enough to be one person
in one recording. Groups that meet in no recording may be one person in another room or at another microphone, which
embeddings tell as far apart as some people: they are put together from a lower likeness on.
Plain Python: of more than _ENOUGH clips some are put together, chosen by chance, and every other one goes to the group
that it is nearest to, so that a voice takes some 0.3 s, twice that where hardly a clip is like another, and 0.07 ms
more for each of its clips.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from engines.judging.voice_clip import Vector, VoiceClip, centroid, likeness, unpacked

#: Clips from which a voice has a speaker.
FEWEST_SPOKEN = 8
#: Mean cosine of the clips of two groups from which on they are one person's, where they are of one recording, and
#: where they are not. Chosen on made speakers, reported on others (docs/datasets.md).
ALIKE, ALIKE_APART = 0.7, 0.62
#: Clips that both of two groups have in a recording in which they meet.
_MEET = 2
#: What a group must have to be a person, and not some clips that sound odd: so many clips of those put together, and
#: that share of them.
_FEWEST, _SHARE = 3, 0.04
#: Clips that are put together; the work grows with their square.
_ENOUGH = 200
#: Share of a recording's speech that is one person's where it is a recording of that person.
_WHOLE = 0.9
#: Speech of the voice's own in recordings of one speaker that leaves no doubt: so many times as much as anybody else
#: has in such recordings, and that share of what anybody else says in all of them.
_CLEARLY, _ENOUGH_ALONE = 2.0, 0.1
#: Likeness from which a person of the recordings is the one that somebody chose.
_KNOWN = 0.75


class OwnBy(StrEnum):
    """How the voice's own speaker is told from the others, as the wire has it."""

    ALONE = "alone"  #: they have most speech in recordings of one speaker
    BARELY = "barely"  #: they have, but somebody else has nearly as much, or it is little: a guess
    MOST = "most"  #: every recording has several speakers: they have most speech in them, which is a guess
    PERSON = "person"  #: a person said so


@dataclass(frozen=True)
class Speaker:
    """One person who speaks."""

    centroid: Vector
    clips: tuple[int, ...]  #: ids, the one that is most alike to the centroid first
    seconds: float  #: length of these clips
    alone: float  #: of that, in recordings in which hardly anybody else speaks
    recordings: int  #: those that have a clip of theirs


@dataclass(frozen=True)
class Speakers:
    """All of a voice's."""

    every: tuple[Speaker, ...]  #: the voice's own first, then by how much they say; empty: too few clips to tell
    by: OwnBy = OwnBy.ALONE
    missing: bool = False  #: whom a person called the voice's own speaks in none of the clips

    @property
    def guessed(self) -> bool:
        """Whether whose voice it is may well be wrong."""
        return self.by in (OwnBy.BARELY, OwnBy.MOST)

    @property
    def own(self) -> Vector | None:
        """The voice's own, to hold clips against; None: too few clips to tell."""
        return self.every[0].centroid if self.every else None


def speakers(clips: Sequence[VoiceClip], chosen: bytes = b"") -> Speakers:
    """Who speaks in these clips. `chosen`: voiceprint of the one whom a person called the voice's own; empty: nobody
    did."""
    prints = {clip.id: unpacked(clip.voiceprint) for clip in clips if clip.voiceprint}
    if len(prints) < FEWEST_SPOKEN:
        return Speakers(())
    by_id = {clip.id: clip for clip in clips}
    recordings = {id: by_id[id].recording for id in prints}
    people = [one for one in _members(prints, _people(prints, recordings)) if one[1]]
    alone = _alone(by_id, [ids for _, ids in people])
    found = [
        Speaker(
            middle,
            tuple(ids),
            seconds=sum(by_id[id].seconds for id in ids),
            alone=sum(by_id[id].seconds for id in ids if by_id[id].recording in whole),
            recordings=len({by_id[id].recording for id in ids}),
        )
        for (middle, ids), whole in zip(people, alone, strict=True)
    ]
    found.sort(key=lambda one: (one.alone, one.seconds), reverse=True)
    if chosen and (known := _known(found, unpacked(chosen))) is not None:
        rest = sorted((one for one in found if one is not known), key=lambda one: -one.seconds)
        return Speakers((known, *rest), OwnBy.PERSON)
    rest = sorted(found[1:], key=lambda one: -one.seconds)
    return Speakers((found[0], *rest), _told(found[0], rest), missing=bool(chosen))


def _told(own: Speaker, others: Sequence[Speaker]) -> OwnBy:
    """How sure it is that the voice is theirs. A recording of a few seconds is not enough beside an hour of somebody
    else, and as much as somebody else's are a toss of a coin."""
    if not own.alone and others:
        return OwnBy.MOST
    clearly = all(own.alone >= max(_CLEARLY * one.alone, _ENOUGH_ALONE * one.seconds) for one in others)
    return OwnBy.ALONE if clearly else OwnBy.BARELY


def _alone(clips: dict[int, VoiceClip], people: Sequence[Sequence[int]]) -> list[set[int]]:
    """The recordings in which hardly anybody but each of these people speaks."""
    said: dict[int, list[float]] = defaultdict(lambda: [0.0] * len(people))
    for who, ids in enumerate(people):
        for id in ids:
            said[clips[id].recording][who] += clips[id].seconds
    return [{one for one, of in said.items() if of[who] >= _WHOLE * sum(of)} for who in range(len(people))]


def _known(found: Sequence[Speaker], chosen: Vector) -> Speaker | None:
    """The one whom a person chose; None: nobody here is alike."""
    if len(chosen) != len(found[0].centroid):  # of another embedder
        return None
    nearest = max(found, key=lambda one: likeness(one.centroid, chosen))
    return nearest if likeness(nearest.centroid, chosen) >= _KNOWN else None


def _people(prints: Mapping[int, Vector], recordings: Mapping[int, int]) -> list[Vector]:
    """Centroid of each group that is a person; one, of all prints, where there are not clearly more."""
    # by chance, the same every time: those who take turns take them in a rhythm
    some = random.Random(0).sample(list(prints), _ENOUGH) if len(prints) > _ENOUGH else list(prints)
    groups = [[some[n] for n in group] for group in grouped([prints[id] for id in some], ALIKE)]
    groups = _joined(groups, prints, recordings)
    large = [group for group in groups if len(group) >= max(_FEWEST, _SHARE * len(some))]
    if len(large) < 2:
        return [centroid(list(prints.values()))]
    return [centroid([prints[id] for id in group]) for group in large]


def _joined(
    groups: Sequence[list[int]], prints: Mapping[int, Vector], recordings: Mapping[int, int]
) -> list[list[int]]:
    """The same, those put together that are alike and meet in no recording, the most alike first."""
    left = {
        n: _Group(
            tuple(map(sum, zip(*(prints[id] for id in ids), strict=True))), ids, Counter(recordings[id] for id in ids)
        )
        for n, ids in enumerate(groups)
    }
    near: dict[tuple[int, int], float] = {}  # of pairs that may be put together
    for n, one in left.items():
        near |= _near(one, n, {m: other for m, other in left.items() if m < n})
    while near:
        first, second = max(near, key=lambda pair: (near[pair], pair))
        left[first] = left[first].with_(left.pop(second))
        near = {pair: alike for pair, alike in near.items() if not {first, second} & set(pair)}
        near |= _near(left[first], first, {m: other for m, other in left.items() if m != first})
    return [one.ids for one in left.values()]


def _near(one: _Group, place: int, others: Mapping[int, _Group]) -> dict[tuple[int, int], float]:
    """Those of the others, each in a pair with this one, that may be the same person: how alike they are."""
    alike = {m: one.alike(other) for m, other in others.items()}
    return {
        (min(m, place), max(m, place)): alike[m]
        for m, other in others.items()
        if alike[m] >= ALIKE_APART and not one.meets(other)
    }


@dataclass(frozen=True)
class _Group:
    """Clips that are somebody's."""

    sum: Vector  #: of their embeddings
    ids: list[int]
    often: Counter[int]  #: how many there are of each recording

    def alike(self, other: _Group) -> float:
        """Mean cosine of the clips of the one and of the other."""
        return likeness(self.sum, other.sum) / (len(self.ids) * len(other.ids))

    def meets(self, other: _Group) -> bool:
        return any(count >= _MEET and other.often[one] >= _MEET for one, count in self.often.items())

    def with_(self, other: _Group) -> _Group:
        both = tuple(a + b for a, b in zip(self.sum, other.sum, strict=True))
        return _Group(both, self.ids + other.ids, self.often + other.often)


def grouped(prints: Sequence[Vector], alike: float) -> list[list[int]]:
    """Indices of prints by average linkage: no two groups whose mean cosine is at least `alike`. By the chain of
    nearest neighbours (Murtagh 1983), in time that grows with the square."""
    near = [[1.0] * len(prints) for _ in prints]
    for n, one in enumerate(prints):
        for m in range(n):
            near[n][m] = near[m][n] = likeness(one, prints[m])
    groups, left, done = {n: [n] for n in range(len(prints))}, set(range(len(prints))), []
    chain: list[int] = []
    while left:
        if not chain:
            chain.append(min(left))
        last = chain[-1]
        before = chain[-2] if len(chain) > 1 else -1
        # of two that are equally near the one before: the chain must end
        nearest = max(left - {last}, key=lambda n: (near[last][n], n == before, -n), default=-1)
        if nearest != before or nearest < 0:
            if nearest < 0 or near[last][nearest] < alike:  # nobody is near enough, and nobody will be
                done.append(groups.pop(chain.pop()))
                left.remove(last)
            else:
                chain.append(nearest)
            continue
        del chain[-2:]
        _join(near, groups, left, before, last)
    return done


def _join(near: list[list[float]], groups: dict[int, list[int]], left: set[int], one: int, other: int) -> None:
    mine, theirs = len(groups[one]), len(groups[other])
    left.remove(other)
    for n in left:
        near[one][n] = near[n][one] = (mine * near[one][n] + theirs * near[other][n]) / (mine + theirs)
    groups[one] += groups.pop(other)


def _members(prints: dict[int, Vector], middles: Sequence[Vector]) -> list[tuple[Vector, list[int]]]:
    """Each centroid with the clips that are nearest to it, the most alike first."""
    found: list[list[tuple[float, int]]] = [[] for _ in middles]
    for id, one in prints.items():
        how, where = max((likeness(one, middle), -n) for n, middle in enumerate(middles))
        found[-where].append((-how, id))
    return [(middle, [id for _, id in sorted(of)]) for middle, of in zip(middles, found, strict=True)]
