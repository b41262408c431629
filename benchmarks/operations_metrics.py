"""A scrape of mynad's metrics with 100,000 jobs in the database: how long it takes, and what others notice of it.

    python -m benchmarks.operations_metrics [--jobs 100000] [--rounds 5]

Submits are counted in alternating rounds with and without a scraper that asks every second (Prometheus asks every 15
seconds or so)."""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.bars import tell
from benchmarks.submit_rate import fill, start, stop
from proto import myna_pb2 as pb
from proto.client_async import AsyncClient, connect_async

BAR = 0.050  #: seconds a scrape may take
SCRAPES = 200
SUBMITS = 600  #: of a round
LOSS = 0.05  #: part of the submits a second that scraping may cost


async def scrapes(client: AsyncClient, count: int) -> list[float]:
    """Seconds of each."""
    took = []
    for _ in range(count):
        before = time.perf_counter()
        await client.metrics()
        took.append(time.perf_counter() - before)
    return took


async def submits(client: AsyncClient) -> float:
    """Jobs a second."""
    before = time.perf_counter()
    for _ in range(SUBMITS):
        await client.submit(pb.JobSpec(ingest=pb.IngestSpec(voice="anna", files=[b"a.wav"])))
    return SUBMITS / (time.perf_counter() - before)


async def scraped(client: AsyncClient) -> None:
    while True:
        await client.metrics()
        await asyncio.sleep(1.0)


async def measure(home: Path, rounds: int) -> None:
    async with connect_async(home=home) as client, connect_async(home=home) as other:
        await client.wait_ready(30.0)
        await scrapes(client, 10)
        took = sorted(await scrapes(client, SCRAPES))
        median, p99 = statistics.median(took), took[int(0.99 * len(took))]
        tell(
            "scrape of /metrics, 100,000 jobs",
            f"median {median * 1000:.1f} ms, 99 % {p99 * 1000:.1f} ms",
            f"≤ {BAR * 1000:.0f} ms",
            p99 <= BAR,
        )
        alone, beside = [], []
        await submits(client)
        for _ in range(rounds):
            alone.append(await submits(client))
            task = asyncio.create_task(scraped(other))
            beside.append(await submits(client))
            task.cancel()
        ratio = statistics.median(beside) / statistics.median(alone)
        tell(
            "submits beside a scrape a second",
            f"{ratio:.2f} × of {statistics.median(alone):.0f} a second (rounds {min(beside):.0f} to {max(beside):.0f})",
            f"≥ {1 - LOSS:.2f} ×",
            ratio >= 1 - LOSS,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        fill(home, options.jobs)
        process = start(home)
        try:
            asyncio.run(measure(home, options.rounds))
        finally:
            stop(process)


if __name__ == "__main__":
    main()
