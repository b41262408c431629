"""The database after months: 100,000 jobs and 5 million events. Its size, a page of a list, a watcher that begins, and
how long others wait while old events are forgotten.

    python -m benchmarks.operations_database [--jobs 100000] [--events 5000000]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import insert
from sqlalchemy.orm import Session

from benchmarks.bars import tell
from benchmarks.submit_rate import fill, start, stop
from daemon.database.models import EventRow, now
from daemon.database.store import opened
from daemon.state import jobs
from proto import myna_pb2 as pb
from proto.client import connect

SIZE, PAGE, AT_ONCE = 2.0e9, 0.050, 50_000  #: bytes, seconds, events of an insert
KEPT = 200_000  #: events that stay, as the setting's default has it


def events(home: Path, count: int) -> None:
    """Of jobs that changed, four each, as mynad writes them."""

    def payload(session: Session, number: int) -> bytes:
        return pb.Event(job=jobs.message(jobs.get(session, number), with_spec=False)).SerializeToString()

    with opened(home) as store:
        some = store.read_now(lambda session: [payload(session, number) for number in range(1, 1_001)])
        for begin in range(0, count, AT_ONCE):
            rows = [
                {"time": now(), "voice": "anna", "payload": some[number % len(some)]}
                for number in range(begin, min(begin + AT_ONCE, count))
            ]
            store.write_now(lambda session, rows=rows: session.execute(insert(EventRow), rows) and None)


def pages(home: Path, count: int = 50) -> float:
    """Seconds of the first page of jobs, the median."""
    with connect(home=home) as client:
        took = []
        for _ in range(count):
            before = time.perf_counter()
            assert len(list(client.jobs(limit=50))) == 50
            took.append(time.perf_counter() - before)
    return statistics.median(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=5_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        fill(home, options.jobs)
        without = (home / "myna.db").stat().st_size
        events(home, options.events)
        size = sum(path.stat().st_size for path in home.glob("myna.db*"))
        tell(
            f"database, {options.jobs:,} jobs and {options.events:,} events",
            f"{size / 1e9:.2f} GB ({without / 1e6:.0f} MB without events)",
            f"≤ {SIZE / 1e9:.1f} GB",
            size <= SIZE,
        )
        os.environ["MYNA_EVENTS_KEPT"] = str(options.events)
        process = start(home)
        try:
            page = pages(home)
        finally:
            stop(process)
        tell("a page of 50 jobs, all events kept", f"{page * 1e3:.1f} ms", f"≤ {PAGE * 1e3:.0f} ms", page <= PAGE)
        os.environ["MYNA_EVENTS_KEPT"] = str(KEPT)
        process = start(home)  # forgets nearly all of them, at once
        try:
            waits = []
            with connect(home=home) as client:
                for _ in range(100):
                    before = time.perf_counter()
                    client.submit(pb.JobSpec(ingest=pb.IngestSpec(voice="anna", files=[b"a.wav"])))
                    waits.append(time.perf_counter() - before)
            page = pages(home)
        finally:
            stop(process)
        longest = max(waits)
        tell("a submit while those are forgotten, the longest", f"{longest:.2f} s", "≤ 1 s", longest <= 1.0)
        tell("a page of 50 jobs after that", f"{page * 1e3:.1f} ms", f"≤ {PAGE * 1e3:.0f} ms", page <= PAGE)


if __name__ == "__main__":
    main()
