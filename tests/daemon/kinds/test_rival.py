"""Against rot: when a training from the base competes with what came of others."""

from __future__ import annotations

import lives
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import clip, dataset, version

from daemon.database.models import EventRow, Job
from daemon.database.store import Store
from daemon.kinds.evaluate import rival
from daemon.state import voices
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration


@pytest.fixture
def anna(store: Store) -> Store:
    """A voice with enough recordings."""

    def given(session: Session) -> None:
        clips = [clip(session, f"c{number}") for number in range(8)]
        dataset(session, 1, clips, [clip(session, "held", held_out=True)])

    store.write_now(given)
    return store


def chain(session: Session, length: int, likeness: tuple[float, ...] = ()) -> None:
    """Versions trained on top of each other, the last of which speaks; each with its likeness, on the same lines."""
    for number in range(1, length + 1):
        row = version(session, number, parent=number - 1)
        if likeness:
            row.metrics = {"similarity": likeness[number - 1], voices.SCORED_ON: "the same"}
        voices.promote(session, "anna", number, voices.BY_SCORE)


def due(store: Store, length: int, likeness: tuple[float, ...] = (), *, trains: bool = True, every: int = 3) -> int:
    """How many jobs follow."""

    def ask(session: Session) -> int:
        chain(session, length, likeness)
        voice = voices.get(session, "anna")
        voice.options = {**voice.options, "promotion": {"rival_every": every}}
        found = rival.follow_ups(session, voice, trains=trains)
        for one in found:
            lives.submit(session, one.spec, key=one.key)
            lives.submit(session, one.spec, key=one.key)
        return len(found)

    return store.write_now(ask)


def refused(store: Store, clips: int, *, parent: int = 1, every: int = 3, others: int = -1, trains: bool = True) -> int:
    """How many jobs follow on a candidate that was not promoted, trained on so many clips; version 1 speaks, and was
    trained on eight. `others`: the parent of another version of the same dataset."""

    def ask(session: Session) -> int:
        chain(session, 1)
        dataset(session, 2, [clip(session, f"n{number}") for number in range(clips)], [])
        if others >= 0:
            version(session, 9, parent=others, data=2)
        candidate = version(session, 2, parent=parent, data=2)
        voice = voices.get(session, "anna")
        voice.options = {**voice.options, "promotion": {"rival_every": every}}
        found = rival.after_refusal(session, voice, candidate, trains=trains)
        for one in found:
            lives.submit(session, one.spec, key=one.key)
        return len(found)

    return store.write_now(ask)


def jobs(store: Store) -> list[str]:
    return store.read_now(lambda session: list(session.scalars(select(Job.title))))


@pytest.mark.parametrize(("length", "expected"), [(1, 0), (2, 0), (3, 0), (4, 1), (5, 0), (7, 1)])
def test_after_every_third_training_on_top_of_others(anna: Store, length: int, expected: int) -> None:
    assert due(anna, length) == expected
    assert jobs(anna) == ["train anna from the base on dataset #1"] * expected


def test_when_likeness_fell_on_the_way(anna: Store) -> None:
    assert due(anna, 2, (0.85, 0.80)) == 1


def test_not_while_it_grows_or_falls_by_what_the_rule_allows(anna: Store) -> None:
    assert due(anna, 3, (0.85, 0.84, 0.86)) == 0


def test_never_where_the_voice_says_so(anna: Store) -> None:
    assert due(anna, 4, (0.9, 0.8, 0.7, 0.6), every=0) == 0


def test_a_voice_that_is_trained_by_hand_is_told(anna: Store) -> None:
    assert due(anna, 4, trains=False) == 0
    told = anna.read_now(
        lambda session: [pb.Event.FromString(row.payload) for row in session.scalars(select(EventRow))]
    )
    (notice,) = [event.notice for event in told if event.HasField("notice")]
    assert notice.sentence == "anna@4 came of 3 trainings after the first."
    assert "`myna train anna --from base`" in notice.hint


@pytest.mark.parametrize(("clips", "expected"), [(8, 0), (11, 0), (12, 1), (30, 1)])
def test_a_voice_that_grew_is_trained_from_the_base_when_one_on_top_gained_too_little(
    anna: Store, clips: int, expected: int
) -> None:
    assert refused(anna, clips) == expected
    assert jobs(anna) == ["train anna from the base on dataset #2"] * expected


def test_not_when_it_was_trained_from_the_base_itself(anna: Store) -> None:
    assert refused(anna, 30, parent=0) == 0


def test_not_when_one_from_the_base_was_tried_on_the_same_clips(anna: Store) -> None:
    assert refused(anna, 30, others=0) == 0


def test_another_on_top_does_not_keep_it_from_that(anna: Store) -> None:
    assert refused(anna, 30, others=1) == 1


def test_of_a_grown_voice_that_is_trained_by_hand_a_person_is_told(anna: Store) -> None:
    assert refused(anna, 30, trains=False) == 0
    told = anna.read_now(lambda session: list(session.scalars(select(EventRow.payload))))
    assert any(b"Far more clips are here than anna@1 was trained on" in one for one in told)


def test_a_grown_voice_whose_rule_wants_no_rival_has_none(anna: Store) -> None:
    assert refused(anna, 30, every=0) == 0
