"""Who speaks in a voice's clips, and whose of them is kept."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage

from engines.judging import speakers as module
from engines.judging.limits import Limits
from engines.judging.reasons import Reason
from engines.judging.speakers import OwnBy, grouped, speakers
from engines.judging.voice import judge
from engines.judging.voice_clip import Vector, VoiceClip, is_packed, likeness, packed, unit, unpacked
from tests.engines.judging.made_people import Person

pytestmark = pytest.mark.unit

ANNA = Person(1)
BOB = Person(2, like=ANNA, alike=0.6)
CARLA = Person(3, like=ANNA, alike=0.5)


def dropped(clips: list[VoiceClip], chosen: bytes = b"") -> set[int]:
    """Ids of those that are another's, by the usual limits."""
    found = judge(clips, Limits(), chosen)
    return {id for id, one in found.items() if one.reason is Reason.OTHER_SPEAKER}


def ids(clips: list[VoiceClip]) -> set[int]:
    return {clip.id for clip in clips}


@pytest.mark.parametrize("alike", [0.5, 0.7, 0.9])
def test_groups_are_those_of_average_linkage(alike: float) -> None:
    draw = random.Random(5)
    prints = [unit([draw.gauss(1, 1) for _ in range(8)]) for _ in range(60)]
    apart = linkage(np.array(prints), "average", metric="cosine")
    labels = fcluster(apart, 1 - alike, "distance")
    theirs = {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels)}
    assert {frozenset(group) for group in grouped(prints, alike)} == theirs
    assert 1 < len(theirs) < 60


def test_one_speaker_is_one() -> None:
    found = speakers(ANNA.says(0, 300, 1))
    (only,) = found.every
    assert (len(only.clips), only.recordings, found.by) == (300, 1, OwnBy.ALONE)
    assert speakers(ANNA.says(0, 7, 1)).every == (), "too few to tell"
    assert speakers([]).own is None


def test_a_few_clips_that_sound_odd_are_nobody() -> None:
    odd = [Person(50 + n).says(100 + n, 1, 1)[0] for n in range(4)]
    assert len(speakers(ANNA.says(0, 40, 1) + odd).every) == 1


def test_the_voices_own_speaker_is_kept_though_another_has_most_clips() -> None:
    """By the centroid of most clips, Anna was dropped from her own voice."""
    interview, letters = BOB.says(0, 40, 1) + ANNA.says(100, 12, 1), ANNA.says(200, 3, 2) + ANNA.says(300, 3, 3)
    found = speakers(interview + letters)
    assert [len(one.clips) for one in found.every] == [18, 40]
    assert (found.by, found.every[0].recordings, found.every[0].alone) == (OwnBy.ALONE, 3, 24.0)
    assert dropped(interview + letters) == set(range(40))


def test_of_one_recording_of_several_who_says_most_is_kept_and_it_is_called_a_guess() -> None:
    clips = ANNA.says(0, 20, 1, seconds=2.0) + BOB.says(100, 15, 1, seconds=5.0) + CARLA.says(200, 9, 1)
    found = speakers(clips)
    assert found.by is OwnBy.MOST
    assert [one.seconds for one in found.every] == [75.0, 40.0, 36.0]
    assert dropped(clips) == ids(clips[:20]) | ids(clips[35:])


def test_whom_a_person_chose_stays_while_clips_come_and_go() -> None:
    clips = ANNA.says(0, 30, 1) + BOB.says(100, 12, 1)
    chosen = packed(speakers(clips).every[1].centroid)
    assert dropped(clips, chosen) == ids(clips[:30])
    more = [*clips, *ANNA.says(200, 50, 2), *BOB.says(300, 4, 3)]
    assert speakers(more, chosen).by is OwnBy.PERSON
    assert dropped(more, chosen) == ids(more[:30]) | ids(more[42:92])
    gone = speakers(more[:30], chosen)
    assert (gone.by, gone.missing) == (OwnBy.ALONE, True), "nobody there is whom the person chose"
    assert not speakers(more, chosen).missing
    assert speakers(more, chosen[:64]).missing, "of another embedder"


def test_a_short_recording_of_somebody_else_makes_it_a_guess() -> None:
    talk = ANNA.says(0, 200, 1) + BOB.says(1000, 60, 1)
    found = speakers([*talk, *BOB.says(2000, 3, 2)])
    assert (found.by, found.guessed) == (OwnBy.BARELY, True)
    assert [len(one.clips) for one in found.every] == [63, 200]
    enough = speakers([*talk, *BOB.says(2000, 20, 2)])
    assert (enough.by, enough.guessed) == (OwnBy.ALONE, False)


def test_two_who_each_have_recordings_of_their_own_are_a_toss_of_a_coin() -> None:
    clips = ANNA.says(0, 20, 1) + BOB.says(100, 18, 2)
    assert speakers(clips).by is OwnBy.BARELY
    assert speakers(clips[:29]).by is OwnBy.ALONE


def test_recordings_of_as_many_people_as_clips_do_not_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pair was compared again whenever two groups were put together: 4 s of mynad's time for 200 clips."""
    compared = [0]

    def counted(one: Vector, other: Vector) -> float:
        compared[0] += 1
        return likeness(one, other)

    monkeypatch.setattr(module, "likeness", counted)
    strangers = [Person(n, like=ANNA, alike=0.8).says(n, 1, n)[0] for n in range(100, 300)]
    speakers(strangers)
    assert compared[0] < 4 * len(strangers) ** 2


def test_groups_of_several_recordings_are_put_together_by_average_linkage() -> None:
    """Each recording has one clip of everybody, so that nobody meets anybody."""
    some = [Person(n, like=ANNA, alike=0.8) for n in range(100, 104)]
    prints = {n: unpacked(some[n % 4].says(n, 1, 0)[0].voiceprint) for n in range(60)}
    found = module._joined([[n] for n in prints], prints, {n: n // 4 for n in prints})
    apart = linkage(np.array(list(prints.values())), "average", metric="cosine")
    labels = fcluster(apart, 1 - module.ALIKE_APART, "distance")
    assert {frozenset(group) for group in found} == {
        frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels)
    }


def test_a_clip_nearer_to_somebody_else_is_dropped_though_it_is_like_enough_to_the_voice() -> None:
    twin = Person(4, like=ANNA, alike=0.72)
    between = unit([a + b for a, b in zip(ANNA.voice, twin.voice, strict=True)])
    nearer = unit([a + 0.3 * b for a, b in zip(between, twin.voice, strict=True)])
    clip = VoiceClip(999, "", "text", 4.0, 0.06, packed(nearer), b"", recording=9)
    found = judge([*ANNA.says(0, 20, 1), *twin.says(100, 14, 2), clip], Limits())[999]
    assert found.measured is not None
    assert found.limit is not None
    assert Limits().other_speaker < found.measured < found.limit


def test_without_the_limit_everybody_is_kept() -> None:
    assert judge(ANNA.says(0, 20, 1) + BOB.says(100, 20, 1), Limits(other_speaker=0.0)) == {}


def test_of_very_many_clips_each_is_somebodys() -> None:
    clips = [clip for n in range(500) for clip in (ANNA if n % 3 else BOB).says(n, 1, n // 50)]
    found = speakers(clips)
    assert [set(one.clips) for one in found.every] == [{n for n in range(500) if n % 3}, {*range(0, 500, 3)}]
    first = found.every[0].clips[0]
    assert first == max(
        found.every[0].clips, key=lambda id: np.dot(found.every[0].centroid, unpacked(clips[id].voiceprint))
    )


@pytest.mark.parametrize("wrong", [b"", b"\0\0", b"abc", packed([1.0, math.nan]), packed([math.inf])])
def test_what_is_no_embedding(wrong: bytes) -> None:
    assert not is_packed(wrong)
    assert is_packed(ANNA.says(0, 1, 1)[0].voiceprint)
