"""Summaries of blocks of a series' points, so that a long run is drawn without reading all of it: how many points, the
least and the greatest value. They are written in the transaction that writes the points."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from sqlalchemy import text
from sqlalchemy.orm import Session

#: Steps of a block.
BLOCK = 1_024

_RANGE = "FROM points WHERE series = :series AND step BETWEEN :low AND :high"
# SQLite: a bare column beside a lone min() or max() comes from the row that holds it
_SUMMARY = (
    f"SELECT counted.points, counted.first_step, least.step, least.value, greatest.step, greatest.value FROM "
    f"(SELECT count(*) AS points, min(step) AS first_step {_RANGE}) AS counted, "
    f"(SELECT step, min(value) AS value {_RANGE} AND value IS NOT NULL) AS least, "
    f"(SELECT step, max(value) AS value {_RANGE} AND value IS NOT NULL) AS greatest"
)
_COLUMNS = "points, first_step, low_step, low, high_step, high"
_REFRESH = text(
    f"INSERT OR REPLACE INTO point_blocks (series, block, {_COLUMNS}) SELECT :series, :block, summary.* FROM "
    f"({_SUMMARY}) AS summary WHERE summary.points > 0"
)
_PART = text(_SUMMARY)
_INSIDE = text(
    f"SELECT block, {_COLUMNS} FROM point_blocks WHERE series = :series AND block > :first AND block < :last"
)
_BLOCKS = text("SELECT DISTINCT series, step / :size FROM points")

#: (points, first step, step and value of the least, step and value of the greatest); no value: none is a number.
Summary = tuple[int, int, int | None, float | None, int | None, float | None]


def refresh(session: Session, series: int, steps: Iterable[int]) -> None:
    """Sum up anew the blocks that these steps lie in."""
    connection = session.connection()
    for block in {step // BLOCK for step in steps}:
        low = block * BLOCK
        connection.execute(_REFRESH, {"series": series, "block": block, "low": low, "high": low + BLOCK - 1})


def refresh_all(session: Session) -> None:
    """Sum up all points there are: after they were written by somebody else."""
    for series, block in session.connection().execute(_BLOCKS, {"size": BLOCK}).all():
        refresh(session, series, [block * BLOCK])


def reduced(
    session: Session, series: int, first: int, last: int, total: int, buckets: int
) -> list[tuple[int, float | None]] | None:
    """Least and greatest value of each of at most so many buckets of the `total` points from step `first` to `last`, in
    step order; the first step of a bucket without a number, with None. None: its buckets are no whole blocks, or there
    are points that no summary knows."""
    wide = (last - first) // max(buckets - 1, 1) + 1  # a bucket more may be begun than fills the range
    if buckets < 2 or wide < 2 * BLOCK:
        return None
    per = -(-wide // BLOCK)
    start, end = first // BLOCK, last // BLOCK
    connection = session.connection()
    inside = connection.execute(_INSIDE, {"series": series, "first": start, "last": end})
    blocks: list[tuple[int, Summary]] = [(row[0], tuple(row[1:])) for row in inside]
    edges = ((start, first, start * BLOCK + BLOCK - 1), (end, end * BLOCK, last))
    for block, low, high in edges:
        blocks.append((block, tuple(connection.execute(_PART, {"series": series, "low": low, "high": high}).one())))
    if sum(summary[0] for _, summary in blocks) != total:
        return None
    found: dict[int, float | None] = {}
    for _, bucket in groupby(sorted(blocks), key=lambda one: (one[0] - start) // per):
        found |= _of([summary for _, summary in bucket if summary[0]])
    return sorted(found.items())


def _of(summaries: list[Summary]) -> dict[int, float | None]:
    """Least and greatest value of a bucket, by step."""
    lows = [(low, step) for _, _, step, low, _, _ in summaries if step is not None and low is not None]
    highs = [(high, -step) for *_, step, high in summaries if step is not None and high is not None]
    if lows and highs:
        (low, low_step), (high, before) = min(lows), max(highs)
        return {low_step: low, -before: high}
    return {summaries[0][1]: None} if summaries else {}
