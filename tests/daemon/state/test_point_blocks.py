"""Summaries of blocks of points: what they tell is what the points tell."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from daemon.database.models import PointRow, Run
from daemon.database.point_rows import PointBlock
from daemon.database.store import Store, opened
from daemon.state import point_blocks, runs
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration
SIZE = 8  #: of a block here: a few hundred points are many blocks


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(point_blocks, "BLOCK", SIZE)


def run(session: Session) -> int:
    row = Run(voice="anna", engine="glow", job=1, dataset=1, settings={}, result={})
    session.add(row)
    session.flush()
    return row.id


def put(store: Store, id: int, points: dict[int, float]) -> None:
    store.write_now(runs.add_points, id, [pb.Series(name="x", steps=points.keys(), values=points.values())])


def reduced(store: Store, id: int, buckets: int, first: int = 0, last: int = 0) -> dict[int, float]:
    (series,) = store.read_now(runs.points, id, (), first, last, buckets)
    return dict(zip(series.steps, series.values, strict=True))


def by_blocks(points: dict[int, float], buckets: int) -> list[dict[int, float]]:
    """The points of each bucket, if buckets are of whole blocks."""
    steps = sorted(points)
    per = -(-((steps[-1] - steps[0]) // (buckets - 1) + 1) // SIZE)
    found: dict[int, dict[int, float]] = {}
    for step in steps:
        found.setdefault((step // SIZE - steps[0] // SIZE) // per, {})[step] = points[step]
    return list(found.values())


VALUES = st.one_of(st.floats(-1e6, 1e6, width=32), st.just(math.nan))


@pytest.mark.long
@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.dictionaries(st.integers(0, 900), VALUES, min_size=120, max_size=300), st.integers(2, 12), st.data())
def test_each_bucket_has_its_least_and_greatest_value(points: dict[int, float], buckets: int, data: Any) -> None:
    first = data.draw(st.integers(0, 300))
    last = data.draw(st.integers(600, 900))
    inside = {step: value for step, value in points.items() if first <= step <= last}
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as store:
        id = store.write_now(run)
        put(store, id, points)
        seen = reduced(store, id, buckets, first, last)
    if len(inside) <= 2 * buckets:
        return
    assert len(seen) <= 2 * buckets
    assert all(value == points[step] or math.isnan(value) for step, value in seen.items())
    if (max(inside) - min(inside)) // (buckets - 1) + 1 < 2 * SIZE:
        return  # buckets are smaller than blocks: the points are read
    for bucket in by_blocks(inside, buckets):
        told = [value for step, value in seen.items() if step in bucket]
        numbers = [value for value in bucket.values() if not math.isnan(value)]
        if numbers:
            assert (min(told), max(told)) == (min(numbers), max(numbers))
        else:
            assert [math.isnan(value) for value in told] == [True]


def test_a_step_that_comes_again_replaces_what_was_summed_up(store: Store) -> None:
    id = store.write_now(run)
    put(store, id, dict.fromkeys(range(200), 1.0) | {90: 50.0})
    assert max(reduced(store, id, 4).values()) == 50.0
    put(store, id, {90: 2.0})
    assert max(reduced(store, id, 4).values()) == 2.0


def test_points_that_no_summary_knows_are_read(store: Store) -> None:
    """A run of before there were summaries, and one that went on since."""
    id = store.write_now(run)
    put(store, id, {step: float(step) for step in range(200)})

    def forget(session: Session) -> None:
        session.execute(delete(PointBlock).where(PointBlock.block.in_((3, 4, 5))))

    store.write_now(forget)
    seen = reduced(store, id, 4)
    assert (min(seen.values()), max(seen.values()), len(seen)) == (0.0, 199.0, 8)


def test_what_somebody_else_wrote_can_be_summed_up_later(store: Store) -> None:
    id = store.write_now(run)
    put(store, id, {0: 0.0})

    def write(session: Session) -> None:
        series = session.scalars(select(PointRow.series)).one()
        session.add_all(PointRow(series=series, step=step, value=float(step)) for step in range(1, 100))
        session.flush()
        point_blocks.refresh_all(session)

    store.write_now(write)
    assert store.read_now(lambda session: session.scalar(select(func.sum(PointBlock.points)))) == 100
