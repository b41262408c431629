"""What a soak found, held against bars. Samples in, rows out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.soaking import slopes
from benchmarks.soaking.homes import Database
from benchmarks.soaking.samples import LASTING, Series
from benchmarks.soaking.slopes import Point

#: Memory that no other process shares may grow by so many bytes an hour.
MEMORY = 2e6
#: Open files and threads: an hour must not bring one more, and when everybody has left there are no more than before.
COUNTS = ("files", "threads")
#: The database may grow by so many bytes a job, its write-ahead log may have so many at most.
PER_JOB, WAL = 16_000.0, 32e6
#: What is there at first grows for other reasons: modules are loaded, caches filled. Trends are of the time after.
WARM = 0.5
#: The least there was between these shares of the time is held against the least in the last third.
FIRST = (0.1, 0.4)
LAST = (0.7, 1.0)


@dataclass(frozen=True)
class Row:
    """Of the table."""

    name: str
    measured: str
    bar: str
    holds: bool


def memory(series: Series) -> Iterator[Row]:
    """Of those who stay."""
    for name in LASTING:
        points = slopes.blocks(slopes.after(series.of(name, "own"), WARM))
        grown = slopes.slope(points)
        now = points[-1][1] if points else math.nan
        yield Row(
            f"soak: memory of {name}, growth",
            f"{_spread(grown, 1e6)} MB an hour, of {now / 1e6:.0f} MB that are its own",
            f"≤ +{MEMORY / 1e6:g} MB an hour",
            grown.known and grown.likely <= MEMORY,
        )


def counts(series: Series) -> Iterator[Row]:
    """Open files and threads of those who stay."""
    for name in LASTING:
        told, good = [], True
        for what in COUNTS:
            points = series.of(name, what)
            grown = slopes.slope(slopes.blocks(slopes.after(points, WARM)))
            before, after = slopes.least(points, *FIRST), slopes.least(points, *LAST)
            told.append(f"{what} {grown.likely:+.1f} an hour, at least {before:.0f} at first and {after:.0f} at last")
            good = good and grown.known and grown.likely < 1.0 and after <= before
        yield Row(f"soak: open files and threads of {name}", "; ".join(told), "none more an hour, none that stay", good)


def survived(series: Series) -> Row:
    """Nobody who stays died, and nobody was left unburied."""
    born = {name: len(series.pids(name)) for name in LASTING}
    zombies = len(series.lasting_zombies())
    told = ", ".join(f"{name} {count}" for name, count in born.items())
    good = all(count == 1 for count in born.values()) and not zombies
    return Row("soak: processes that stay", f"{told}; {zombies} zombies", "each one and the same, 0 zombies", good)


def database(series: Series, kept: int, per_hour: int) -> Iterator[Row]:
    """`kept`: events that settings keep; `per_hour`: events that may come until they are forgotten again."""
    there = series.databases()
    grown = per_job(there)
    if grown is None:
        return
    bytes_each, jobs, log = grown
    last = there[-1][1]
    yield Row(
        "soak: growth of the database",
        f"{bytes_each / 1e3:.1f} kB a job over the last {jobs} jobs, {last.bytes / 1e6:.1f} MB in the end; "
        f"its log at most {log / 1e6:.1f} MB",
        f"≤ {PER_JOB / 1e3:g} kB a job, log ≤ {WAL / 1e6:g} MB",
        bytes_each <= PER_JOB and log <= WAL,
    )
    most = max(one.rows["events"] for at, one in there if at >= WARM * there[-1][0])
    yield Row(
        "soak: events that are kept",
        f"{most:,} at most of {last.events:,} that came, {last.rows['events']:,} in the end",
        f"≤ {kept:,} and {per_hour:,} of an hour, others forgotten",
        most <= kept + per_hour and last.events > last.rows["events"],
    )


def per_job(there: Sequence[tuple[float, Database]]) -> tuple[float, int, int] | None:
    """(bytes in use that a job brought, jobs, most bytes of the write-ahead log) of the second half; None: no jobs."""
    if len(there) < 2:
        return None
    middle = there[0][0] + WARM * (there[-1][0] - there[0][0])
    late = [one for at, one in there if at >= middle]
    jobs = late[-1].rows["jobs"] - late[0].rows["jobs"]
    if jobs <= 0:
        return None
    return (late[-1].used - late[0].used) / jobs, jobs, max(one.log for _, one in there)


def growth(points: Sequence[Point]) -> slopes.Slope:
    """Of any figure, after what is there at first."""
    return slopes.slope(slopes.blocks(slopes.after(points, WARM)))


def _spread(of: slopes.Slope, unit: float) -> str:
    return f"{of.likely / unit:+.2f} ({of.low / unit:+.2f} to {of.high / unit:+.2f})"
