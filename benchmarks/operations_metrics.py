"""A scrape of `/metrics` at the HTTP door with 100,000 jobs in the database: how long it takes, and what others notice
of it.

    python -m benchmarks.operations_metrics [--jobs 100000] [--rounds 5]

Submits are counted in alternating rounds with and without a scraper that asks every second (Prometheus asks every 15
seconds or so)."""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from sqlalchemy import insert

from benchmarks.bars import tell
from benchmarks.submit_rate import WAITING, fill, start, stop
from daemon.database.energy_rows import Spent
from daemon.database.models import now
from daemon.database.store import opened
from daemon.state import spent
from proto import myna_pb2 as pb
from proto.client_async import AsyncClient, connect_async

BAR = 0.050  #: seconds a scrape may take
SCRAPES, APART = 200, 0.1  #: seconds between two: in so long the month is summed anew, too
SUBMITS = 600  #: of a round
LOSS = 0.05  #: part of the submits a second that scraping may cost
OPENS = 60.0  #: seconds until the door is open, at most


def free_port() -> int:
    """Of loopback."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


@asynccontextmanager
async def door(address: str) -> AsyncIterator[tuple[httpx.AsyncClient, float]]:
    """A scraper that keeps its connection, as Prometheus does, once the door is open; and how long the first took."""
    async with httpx.AsyncClient(base_url=f"http://{address}", trust_env=False) as scraper:
        async with asyncio.timeout(OPENS):
            while True:
                try:
                    first = await scrape(scraper)
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
        yield scraper, first


async def scrape(scraper: httpx.AsyncClient) -> float:
    """Seconds."""
    before = time.perf_counter()
    answer = await scraper.get("/metrics")
    assert b"myna_jobs{" in answer.raise_for_status().content
    return time.perf_counter() - before


async def submits(client: AsyncClient) -> float:
    """Jobs a second."""
    before = time.perf_counter()
    for _ in range(SUBMITS):
        await client.submit(pb.JobSpec(ingest=pb.IngestSpec(voice="anna", files=[b"a.wav"])))
    return SUBMITS / (time.perf_counter() - before)


def worked(home: Path, jobs: int) -> None:
    """All that ended did so in this month, and took something: what a scrape sums up."""
    took: dict[str, object] = {
        "attempt": 1, "month": spent.month_of(now()), "seconds": 3.0, "gpu_held": 3.0, "gpu_metered": 3.0,
        "gpu_joules": 900.0, "gpu_error": 45.0, "integrated": False, "cpu_metered": 0.0, "cpu_joules": None,
        "rest_watts": 60.0, "per_hour": 0.2, "per_kwh": 0.3, "currency": "€",
    }  # fmt: skip
    rows = [{"job": number, **took} for number in range(1, jobs - WAITING + 1)]
    with opened(home) as store:
        store.write_now(lambda session: session.execute(insert(Spent), rows) and None)


async def scraped(scraper: httpx.AsyncClient) -> None:
    while True:
        await scrape(scraper)
        await asyncio.sleep(1.0)


async def measure(home: Path, address: str, rounds: int) -> None:
    async with connect_async(home=home) as client, door(address) as (scraper, first):
        await client.wait_ready(30.0)
        for _ in range(10):
            await scrape(scraper)
        took = []
        for _ in range(SCRAPES):
            took.append(await scrape(scraper))
            await asyncio.sleep(APART)
        took.sort()
        median, p99 = statistics.median(took), took[int(0.99 * len(took))]
        tell(
            "scrape of /metrics, 100,000 jobs",
            f"median {median * 1000:.1f} ms, 99 % {p99 * 1000:.1f} ms (the first {first * 1000:.0f} ms)",
            f"≤ {BAR * 1000:.0f} ms",
            p99 <= BAR,
        )
        alone, beside = [], []
        await submits(client)
        for _ in range(rounds):
            alone.append(await submits(client))
            task = asyncio.create_task(scraped(scraper))
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
        worked(home, options.jobs)
        address = os.environ["MYNA_HTTP_LISTEN"] = f"127.0.0.1:{free_port()}"
        process = start(home)
        try:
            asyncio.run(measure(home, address, options.rounds))
        finally:
            stop(process)


if __name__ == "__main__":
    main()
