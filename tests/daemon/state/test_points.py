"""Metric points: nothing lost, nothing twice, spikes survive reduction, resumed steps replace."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.database.models import Run
from daemon.database.store import Store
from daemon.errors import BadRequest, NotFound
from daemon.state import runs
from proto import myna_pb2 as pb


@pytest.fixture
def run(store: Store) -> int:
    def add(session: object) -> int:
        row = Run(voice="anna", engine="glow", job=1, dataset=1, settings={}, result={})
        session.add(row)  # type: ignore[attr-defined]
        session.flush()  # type: ignore[attr-defined]
        return row.id

    return store.write_now(add)


def put(store: Store, run: int, name: str, points: dict[int, float]) -> None:
    store.write_now(runs.add_points, run, [pb.Series(name=name, steps=points.keys(), values=points.values())])


def test_points_come_back_as_they_went_in(store: Store, run: int) -> None:
    put(store, run, "loss", {3: 0.5, 1: 1.5, 2: math.nan})
    (series,) = store.read_now(runs.points, run)
    assert list(series.steps) == [1, 2, 3]
    assert series.values[0] == 1.5
    assert math.isnan(series.values[1])
    assert series.total == 3


def test_a_step_told_again_after_a_resume_replaces_the_value_and_is_not_told_twice(store: Store, run: int) -> None:
    put(store, run, "loss", {1: 1.0, 2: 2.0})
    _, cursor = store.read_now(runs.points_after, run, 0)
    put(store, run, "loss", {2: 2.5, 3: 3.0})
    (fresh,), _ = store.read_now(runs.points_after, run, cursor)
    assert (list(fresh.steps), list(fresh.values)) == ([3], [3.0])
    (series,) = store.read_now(runs.points, run)
    assert list(series.values) == [1.0, 2.5, 3.0]


def test_reading_on_from_a_cursor_loses_and_repeats_nothing(store: Store, run: int) -> None:
    for start in range(0, 500, 50):
        put(store, run, "a" if start % 100 else "b", {step: float(step) for step in range(start, start + 50)})
    seen: list[int] = []
    cursor = 0
    while True:
        batch, cursor = store.read_now(runs.points_after, run, cursor, (), 37)
        if not batch:
            break
        seen += [step for series in batch for step in series.steps]
    assert sorted(seen) == list(range(500))


def test_a_single_spike_survives_the_reduction(store: Store, run: int) -> None:
    put(store, run, "loss", dict.fromkeys(range(10_000), 1.0) | {7_777: 99.0, 4_321: -5.0})
    (series,) = store.read_now(runs.points, run, (), 0, 0, 100)
    assert len(series.steps) <= 200
    assert series.total == 10_000
    assert dict(zip(series.steps, series.values, strict=True))[7_777] == 99.0
    assert dict(zip(series.steps, series.values, strict=True))[4_321] == -5.0
    assert list(series.steps) == sorted(set(series.steps))


def test_a_long_stretch_without_numbers_stays_a_gap(store: Store, run: int) -> None:
    broken = dict.fromkeys(range(4_000, 6_000), math.nan)
    put(store, run, "loss", dict.fromkeys(range(10_000), 1.0) | broken)
    (series,) = store.read_now(runs.points, run, (), 0, 0, 100)
    gap = [step for step, value in zip(series.steps, series.values, strict=True) if math.isnan(value)]
    assert gap
    assert all(4_000 <= step < 6_000 for step in gap)
    assert not any(4_100 <= step < 5_900 for step in set(series.steps) - set(gap))


def test_a_watch_goes_on_where_the_picture_ended(store: Store, run: int) -> None:
    put(store, run, "loss", dict.fromkeys(range(1_000), 1.0))
    (series,) = store.read_now(runs.points, run, (), 0, 0, 10)
    put(store, run, "loss", {1_000: 2.0})
    (later,), _ = store.read_now(runs.points_after, run, series.cursor)
    assert (list(later.steps), list(later.values)) == ([1_000], [2.0])


def test_a_stretch_can_be_asked_for(store: Store, run: int) -> None:
    put(store, run, "loss", {step: float(step) for step in range(100)})
    (series,) = store.read_now(runs.points, run, ["loss"], 10, 19)
    assert list(series.steps) == list(range(10, 20))


def test_what_is_wrong_is_said(store: Store, run: int) -> None:
    with pytest.raises(NotFound):
        store.read_now(runs.points, run + 1)
    with pytest.raises(BadRequest, match="2 steps but 1 values"):
        store.write_now(runs.add_points, run, [pb.Series(name="x", steps=[1, 2], values=[1.0])])


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=300), st.integers(1, 40)
)
def test_a_reduced_series_has_the_same_least_and_greatest_value(values: list[float], buckets: int) -> None:
    import tempfile
    from pathlib import Path

    from daemon.database.store import opened

    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as store:

        def fill(session: object) -> int:
            row = Run(voice="anna", engine="glow", job=1, dataset=1, settings={}, result={})
            session.add(row)  # type: ignore[attr-defined]
            session.flush()  # type: ignore[attr-defined]
            runs.add_points(session, row.id, [pb.Series(name="x", steps=range(len(values)), values=values)])  # type: ignore[arg-type]
            return row.id

        (series,) = store.read_now(runs.points, store.write_now(fill), (), 0, 0, buckets)
        assert (min(series.values), max(series.values)) == (min(values), max(values))
        assert len(series.steps) <= max(2 * buckets, 1)
