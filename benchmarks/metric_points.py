"""Metric points from a worker through mynad's database to three watchers over the socket: how many a second, and
whether any is missing.

A real worker process of a real mynad (in a process of its own) sends as fast as it is allowed to; the watchers count
every (series, step) they get. The rate is over the time from a watcher's first batch to its last, and of the slowest
watcher.

    python -m benchmarks.metric_points [--points 150000] [--watchers 3]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.submit_rate import cpu_seconds
from daemon.worker.job import Channel
from proto import myna_pb2 as pb
from proto.client_async import connect_async

RATE = 5_000.0  #: points a second
SERIES = 12  #: a training reports about that many at a step
MYNAD, WORKER = "--as-mynad", "--as-worker"


def send(plan: Any, channel: Channel) -> str:
    """What the worker does: the job's first file name says how many points."""
    for step in range(int(plan.files[0])):
        channel.points(1, [(f"series {number}", step, number + step / 7) for number in range(SERIES)])
    return "sent"


def mynad(home: Path) -> None:
    """A mynad with a voice and a run, whose workers are this program."""
    from daemon.processes.launcher import Launcher

    launcher = Launcher(home)  # before gRPC, as always
    asyncio.run(_mynad(home, launcher))


async def _mynad(home: Path, launcher: Any) -> None:
    from daemon import settings
    from daemon.database.models import Run, Voice, now
    from daemon.database.store import opened
    from daemon.main import Daemon

    def rows(session: Any) -> None:
        session.add(Voice(name="anna", language="en", engine="glow", options={}, created=now()))
        session.add(Run(id=1, voice="anna", engine="glow", job=1, dataset=1, settings={}, result={}))

    with opened(home) as store:
        store.write_now(rows)
    worker = (sys.executable, "-m", "benchmarks.metric_points", WORKER)
    await Daemon(home, settings.load(home), launcher, worker).serve()


@dataclass(frozen=True)
class Watched:
    """What one watcher got."""

    first: float  #: time of its first batch, seconds
    early: int  #: points of its first batch
    last: float  #: time of its last batch
    points: int  #: different ones
    twice: int  #: how many came again


async def watch(home: Path, wanted: int) -> Watched:
    """Watch the run until all points have come."""
    seen: set[tuple[str, int]] = set()
    got, first, early = 0, 0.0, 0
    async with connect_async(home=home) as myna:
        async for batch in myna.watch_points(1):
            for series in batch.series:
                got += len(series.steps)
                seen.update((series.name, step) for step in series.steps)
            if not first:
                first, early = time.perf_counter(), got
            if len(seen) == wanted:
                break
    return Watched(first, early, time.perf_counter(), len(seen), got - len(seen))


async def measure(home: Path, steps: int, watchers: int) -> list[Watched]:
    """What each watcher got."""
    async with connect_async(home=home) as myna:
        await myna.wait_ready(60.0)
        watching = [asyncio.create_task(watch(home, steps * SERIES)) for _ in range(watchers)]
        await myna.submit(pb.JobSpec(ingest=pb.IngestSpec(voice="anna", files=[str(steps).encode()])))
        done, late = await asyncio.wait(watching, timeout=300)
        for task in late:
            task.cancel()
        return [task.result() for task in done]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=150_000)
    parser.add_argument("--watchers", type=int, default=3)
    asked = parser.parse_args()
    steps = asked.points // SERIES
    with tempfile.TemporaryDirectory(prefix="myna-") as home:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.metric_points", MYNAD, home], stderr=subprocess.DEVNULL
        )
        try:
            got = asyncio.run(measure(Path(home), steps, asked.watchers))
            busy = cpu_seconds(process.pid)
        finally:
            process.terminate()
            process.wait(60)
    whole = [each for each in got if each.points == steps * SERIES and not each.twice]
    rate = min(((each.points - each.early) / (each.last - each.first) for each in got), default=0.0)
    print(
        f"# CPU time of mynad: {busy / (steps * SERIES) * 1e6:.0f} µs a point; load of the "
        f"machine {os.getloadavg()[0]:.1f}"
    )
    print(
        f"metric points, {asked.watchers} watchers · {rate:,.0f}/s · ≥ {RATE:,.0f}/s · "
        f"{'holds' if rate >= RATE else 'falls short'}"
    )
    complete = len(whole) == asked.watchers
    print(
        f"watchers with every point, once · {len(whole)} of {asked.watchers} · all · "
        f"{'holds' if complete else 'falls short'}"
    )
    return 0


if __name__ == "__main__":
    if MYNAD in sys.argv:
        mynad(Path(sys.argv[-1]))
    elif WORKER in sys.argv:
        from daemon.worker import __main__ as worker

        worker.main(lambda kind: send)
    else:
        raise SystemExit(main())
