"""The points of runs for a chart: a picture of the whole first, then what comes, and finer points where a person
looks."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from proto import myna_pb2 as pb
from proto import run_words
from proto.client_async import AsyncClient

TRAIN, HELD_OUT = "train", "held_out"


@dataclass(frozen=True)
class Best:
    """The lowest held-out value."""

    step: int
    value: float


@dataclass(frozen=True)
class Drawn:
    """One line of points."""

    name: str  #: as the legend calls it: "train", "held out", "#8 held out"
    series: str  #: as the daemon calls it: "held_out/loss"
    steps: Sequence[int]
    values: Sequence[float]

    @property
    def held_out(self) -> bool:
        """Measured seldom, on what does not train."""
        return self.series.startswith(HELD_OUT)


def metrics(names: Iterable[str]) -> list[str]:
    """What can be shown of a run: "loss" first, then the parts that it is made of, then the rest, by name."""
    found = {name.partition("/")[2] if name.startswith((f"{TRAIN}/", f"{HELD_OUT}/")) else name for name in names}
    return sorted(found, key=lambda name: (name != "loss", name))


def series_of(metric: str) -> list[str]:
    """The daemon's names of a metric's lines."""
    return [f"{TRAIN}/{metric}", f"{HELD_OUT}/{metric}", metric]


def line_name(series: str, run: int = 0) -> str:
    """How the legend calls a series; of another run than the one looked at, with its number."""
    kind = series.partition("/")[0].replace("_", " ")
    return f"#{run} {kind}" if run else kind


async def whole(
    client: AsyncClient, run: int, metric: str, buckets: int, *, other: bool = False
) -> tuple[list[Drawn], int]:
    """(the lines from the first step to the newest, in so many buckets; the cursor from which to watch)."""
    found = await client.points(run, series_of(metric), buckets=buckets)
    lines = [
        Drawn(line_name(each.name, run if other else 0), each.name, each.steps, each.values)
        for each in found
        if each.steps
    ]
    lines.sort(key=lambda line: line.held_out)
    return lines, min((each.cursor for each in found), default=0)


async def between(
    client: AsyncClient, run: int, metric: str, first: int, last: int, buckets: int, *, other: bool = False
) -> list[Drawn]:
    """The lines between two steps (0: to the end)."""
    found = await client.points(run, series_of(metric), first=first, last=last, buckets=buckets)
    return [Drawn(line_name(each.name, run if other else 0), each.name, each.steps, each.values) for each in found]


async def coming(client: AsyncClient, run: int, metric: str, cursor: int) -> AsyncIterator[list[Drawn]]:
    """Points as they are stored, until the run ends. Raises ClientError when the daemon is lost."""
    async for batch in client.watch_points(run, series_of(metric), after=cursor, patience=0.0):
        yield [Drawn(line_name(each.name), each.name, each.steps, each.values) for each in batch.series]


def better(best: Best | None, line: Drawn) -> Best | None:
    """The lowest held-out value, with a line's new points looked at."""
    if not line.held_out:
        return best
    numbers = [(value, step) for step, value in zip(line.steps, line.values, strict=True) if math.isfinite(value)]
    if not numbers:
        return best
    value, step = min(numbers)
    return Best(step, value) if best is None or value < best.value else best


def title(run: pb.Run, metric: str) -> str:
    """What a chart of the run says above it."""
    origin = run_words.came_from(run.way, f"@{run.from_version}" if run.from_version else "")
    return f"run {run.id} · {run.voice} from {origin} on dataset #{run.dataset} · {metric}"
