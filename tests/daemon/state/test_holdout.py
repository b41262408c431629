"""Held-out stays held-out, whatever is added, removed, added again, cut again, in any order."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from daemon.database.models import Clip, Dataset, DatasetClip, Holdout, Recording, Row
from daemon.settings import Settings
from daemon.state import datasets, holdout, recordings
from daemon.state.holdout import BLOCK_SECONDS, LIMIT, Decision, Unit, decide
from proto import worker_pb2 as wire

pytestmark = pytest.mark.unit


def unit(name: str, clips: int = 1, block: int = 0, **more: object) -> Unit:
    """A unit of clips of four seconds."""
    spans = tuple((block * BLOCK_SECONDS + 4.0 * n, block * BLOCK_SECONDS + 4.0 * n + 3.5) for n in range(clips))
    return Unit(hashlib.sha256(name.encode()).hexdigest(), block, spans, **more)  # type: ignore[arg-type]


def held(decisions: dict[tuple[str, int], Decision]) -> list[Decision]:
    return [decision for decision in decisions.values() if decision.held]


# ------------------------------------------------------------------------------------------------------------ the rule


def test_about_a_tenth_of_many_recordings_is_held_out() -> None:
    decisions = decide([unit(f"recording {n}") for n in range(300)])
    assert 15 <= len(held(decisions)) <= 50
    assert len(decisions) == 300, "every unit is decided"


def test_never_more_than_fifty_clips() -> None:
    assert len(held(decide([unit(f"recording {n}") for n in range(2000)]))) == LIMIT
    decisions = decide([unit(f"talk {n}", clips=40, block=block) for n in range(20) for block in range(3)])
    spans = {(made.start, made.end) for made in held(decisions)}
    assert sum(round((end - start + 0.5) / 4.0) for start, end in spans) <= LIMIT


@pytest.mark.parametrize("count", [2, 3, 5])
def test_two_recordings_are_enough_for_one_to_be_held_out(count: int) -> None:
    for try_ in range(50):
        decisions = decide([unit(f"{try_}-{n}") for n in range(count)])
        assert 1 <= len(held(decisions)) < count


def test_a_single_clip_trains() -> None:
    assert not held(decide([unit("alone")]))


@pytest.mark.parametrize("clips", [2, 3, 10, 100])
def test_of_a_single_recording_about_a_tenth_is_held_as_one_stretch(clips: int) -> None:
    for try_ in range(30):
        only = unit(f"alone {try_}", clips)
        (decision,) = held(decide([only]))
        inside = [span for span in only.clips if holdout.inside(span, [(decision.start, decision.end)])]
        assert len(inside) == max(1, round(clips / 10))
        first = only.clips.index(inside[0])
        assert list(only.clips[first : first + len(inside)]) == inside, "in one piece"


def test_what_has_trained_is_never_held_and_a_new_recording_is_taken_instead() -> None:
    old = unit("old", decision=holdout.NOT_HELD, trained=True)
    new = unit("new")
    assert decide([old, new])[new.sha256, 0].held
    assert (old.sha256, 0) not in decide([old, new])
    assert not held(decide([old]))


def test_the_choice_is_the_same_in_any_order() -> None:
    units = [unit(f"recording {n}", clips=n % 7 + 1) for n in range(40)]
    assert decide(units) == decide(units[::-1])


def test_neighbours_that_touch_a_stretch_by_a_breath_are_not_in_it() -> None:
    assert not holdout.inside((0.0, 4.0), [(3.9, 8.0)])
    assert holdout.inside((0.0, 4.0), [(3.5, 8.0)])
    assert holdout.inside((4.0, 4.2), [(3.5, 8.0)]), "a very short clip within it is"


# --------------------------------------------------------------------------------------------------------- any history


@contextmanager
def database() -> Iterator[Session]:
    engine = create_engine("sqlite://")
    Row.metadata.create_all(engine)
    with Session(engine, info={"settings": Settings()}) as session:
        yield session
    engine.dispose()


SECONDS = {0: 5.0, 1: 5.0, 2: 40.0, 3: 680.0}


class History(RuleBasedStateMachine):
    """Recordings of all lengths come and go; datasets are made in between, and what they held and trained is
    remembered."""

    def __init__(self) -> None:
        super().__init__()
        self.context = database()
        self.session = self.context.__enter__()
        self.there: set[str] = set()
        self.ever: set[str] = set()
        self.held: set[int] = set()  #: ids of clips that were ever held out in a dataset
        self.trained: set[int] = set()
        self.stretches: dict[tuple[str, int], tuple[float, float]] = {}

    def teardown(self) -> None:
        self.context.__exit__(None, None, None)

    @rule(number=st.integers(0, 60), cuts=st.integers(1, 3))
    def add(self, number: int, cuts: int) -> None:
        """A recording is dropped (maybe again)."""
        sha256 = hashlib.sha256(str(number).encode()).hexdigest()
        seconds = SECONDS[number % 4]
        taken = wire.RecordingTaken(
            file=f"{number}.wav".encode(), sha256=sha256, path="x", seconds=seconds, codec="flac"
        )
        row = recordings.take(self.session, "anna", taken)
        if row.cut is None:
            self._cut(row, 4.0 + cuts)
        self.there.add(sha256)
        self.ever.add(sha256)

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        sha256 = data.draw(st.sampled_from(sorted(self.there)))
        recordings.remove(self.session, "anna", sha256)
        self.there.discard(sha256)

    @precondition(lambda self: self.there)
    @rule(data=st.data(), length=st.floats(3.0, 9.0))
    def cut_again(self, data: st.DataObject, length: float) -> None:
        """A text came later: other clips stand in place of the old ones."""
        sha256 = data.draw(st.sampled_from(sorted(self.there)))
        self._cut(recordings.get(self.session, "anna", sha256), length)

    @rule()
    def make_dataset(self) -> None:
        datasets.build(self.session, "anna")
        self.session.flush()
        rows = self.session.execute(select(DatasetClip.clip, DatasetClip.held_out)).all()
        self.held |= {clip for clip, is_held in rows if is_held}
        self.trained |= {clip for clip, is_held in rows if not is_held}
        assert not self.held & self.trained
        self.sound_that_was_held_is_never_trained()
        self.decisions_are_for_ever()
        self.at_most_fifty_and_at_least_one_where_that_can_be()
        self.counts_are_those_of_the_rows()

    def _cut(self, row: Recording, length: float) -> None:
        count = max(1, int(row.seconds // length))
        clips = [
            wire.CutClip(
                start=n * length,
                end=min((n + 1) * length, row.seconds),
                kept=True,
                text="x",
                sha256=f"{row.sha256[:8]}-{length}-{n}",
            )
            for n in range(count)
        ]
        recordings.store_cut(self.session, "anna", wire.RecordingCut(recording=row.sha256, clips=clips))

    def sound_that_was_held_is_never_trained(self) -> None:
        """Also not as part of another clip, after the recording was cut again."""
        held, trained = defaultdict(list), defaultdict(list)
        for id, recording, start, end in self.session.execute(select(Clip.id, Clip.recording, Clip.start, Clip.end)):
            (held if id in self.held else trained)[recording].append((id, (start, end)))
        for recording, stretches in held.items():
            spans = [span for _, span in stretches]
            assert not [id for id, span in trained[recording] if id in self.trained and holdout.inside(span, spans)]

    def decisions_are_for_ever(self) -> None:
        now = {
            (row.sha256, row.block): (row.start, row.end)
            for row in self.session.scalars(select(Holdout).where(Holdout.held))
        }
        for key, stretch in self.stretches.items():
            assert now.get(key) == stretch
        self.stretches = now

    def at_most_fifty_and_at_least_one_where_that_can_be(self) -> None:
        newest = datasets.last(self.session, "anna")
        if newest is None:
            return
        assert newest.held_out <= LIMIT
        if newest.number == 1 and newest.clips + newest.held_out >= 2:
            assert newest.held_out >= 1
            assert newest.clips >= 1

    def counts_are_those_of_the_rows(self) -> None:
        for row in self.session.scalars(select(Dataset)):
            rows = self.session.scalars(select(DatasetClip).where(DatasetClip.dataset == row.id)).all()
            assert (row.clips, row.held_out) == (
                sum(not one.held_out for one in rows),
                sum(one.held_out for one in rows),
            )


TestHistory = History.TestCase
TestHistory.settings = settings(
    max_examples=8,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.long
class TestManyHistories(History.TestCase):  # type: ignore[misc]  # hypothesis makes the class
    settings = settings(TestHistory.settings, max_examples=50)


@given(st.permutations([f"recording {n}" for n in range(12)]), st.integers(1, 11))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_once_held_always_held_in_whatever_order_recordings_come(order: list[str], first: int) -> None:
    units = [unit(name) for name in order]
    early = decide(units[:first])
    decided = [
        Unit(one.sha256, 0, one.clips, early[one.sha256, 0], trained=not early[one.sha256, 0].held)
        for one in units[:first]
    ]
    late = decide([*decided, *units[first:]])
    assert not {key for key, made in late.items() if key in early}
    assert len(held(early)) + len(held(late)) >= 1
