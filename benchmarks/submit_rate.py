"""The queue with 100,000 jobs in the database: submits a second over the socket, how long each takes, one page of the
list, a restart.

Callers keep several submits under way at once, as scripts do; p99 is over every single call. The submitted jobs wait:
the disk is told to be too full for them, so that no worker disturbs the measuring.

    python -m benchmarks.submit_rate [--jobs 100000] [--submits 3000] [--at-once 4]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import insert
from sqlalchemy.orm import Session

from daemon.database.models import Job, Voice, now
from daemon.database.store import opened
from proto import myna_pb2 as pb
from proto.client import connect
from proto.client_async import AsyncClient, connect_async

RATE, P99, PAGE, RESTART = 500.0, 0.020, 0.020, 2.0  #: submits a second, seconds, seconds, seconds
#: of the jobs that are there at the start, how many wait (the others have ended)
WAITING = 1_000
#: submits before the measuring begins
WARM = 200


def fill(home: Path, count: int) -> None:
    """A database with `count` jobs, most of them long over."""
    spec = pb.JobSpec(ingest=pb.IngestSpec(voice="anna", files=[b"a.wav"])).SerializeToString()
    time_ = now()

    def row(number: int) -> dict[str, object]:
        waits = number > count - WAITING
        state = "queued" if waits else ("succeeded", "succeeded", "failed", "cancelled")[number % 4]
        over = {
            "started": time_,
            "ended": time_,
            "why": "1 file taken",
            "error_kind": "engine" if state == "failed" else "",
        }
        return {
            "id": number, "kind": "ingest", "voice": "anna", "title": "take 1 file for anna", "spec": spec,
            "gpu_lane": False, "priority": 200, "place": float(number), "state": state, "attempts": 0 if waits else 1,
            "crashes": 0, "submitted": time_, "queued_since": time_, "started": None, "ended": None,
            "paused_by_person": False, "why": "", "error_kind": "", "error_hint": "", "log_tail": "",
            "cancelled_by": "a person" if state == "cancelled" else "", **({} if waits else over),
        }  # fmt: skip

    def act(session: Session) -> None:
        session.add(Voice(name="anna", language="en", engine="glow", options={}, created=time_))
        session.execute(insert(Job), [row(number) for number in range(1, count + 1)])

    with opened(home) as store:
        store.write_now(act)


def start(home: Path) -> subprocess.Popen[bytes]:
    """A mynad that answers."""
    env = {**os.environ, "MYNA_MIN_FREE_DISK": str(10**18)}
    process = subprocess.Popen(
        [sys.executable, "-m", "daemon.main", "--home", str(home)], env=env, stderr=subprocess.DEVNULL
    )
    with connect(home=home) as myna:
        myna.wait_ready(30.0)
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(60)


async def submit(home: Path, count: int, at_once: int) -> tuple[float, list[float]]:
    """(seconds in all, seconds of each call)."""
    spec = pb.JobSpec(ingest=pb.IngestSpec(voice="anna", files=[b"a.wav"]))
    left = iter(range(count))
    took: list[float] = []

    async def caller(myna: AsyncClient) -> None:
        for _ in left:
            began = time.perf_counter()
            await myna.submit(spec)
            took.append(time.perf_counter() - began)

    async with connect_async(home=home) as myna:
        for _ in range(WARM):  # both ends
            await myna.submit(spec)
        began = time.perf_counter()
        await asyncio.gather(*(caller(myna) for _ in range(at_once)))
        return time.perf_counter() - began, took


async def page(home: Path, count: int = 100) -> list[float]:
    """Seconds of each first page asked for, counts by state and all."""
    took = []
    async with connect_async(home=home) as myna:
        for _ in range(count):
            began = time.perf_counter()
            found = [job async for job in myna.jobs(limit=50)]
            took.append(time.perf_counter() - began)
            assert len(found) == 50
    return took


def part(values: list[float], share: float) -> float:
    """The value below which that share lies."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def ms(seconds: float) -> str:
    """For people."""
    return f"{seconds * 1e3:.1f} ms"


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def bar(name: str, measured: str, wanted: str, holds: bool) -> None:
    print(f"{name} · {measured} · {wanted} · {'holds' if holds else 'falls short'}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--submits", type=int, default=3_000)
    parser.add_argument("--at-once", type=int, default=4)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="myna-") as folder:
        home = Path(folder)
        fill(home, asked.jobs)
        mynad = start(home)
        try:
            busy = cpu_seconds(mynad.pid)
            seconds, took = asyncio.run(submit(home, asked.submits, asked.at_once))
            busy = cpu_seconds(mynad.pid) - busy
            pages = asyncio.run(page(home))
            began = time.perf_counter()
            stop(mynad)
            stopped = time.perf_counter() - began
            mynad = start(home)
            restart = time.perf_counter() - began
        finally:
            stop(mynad)
    rate, p99, listed = asked.submits / seconds, part(took, 0.99), part(pages, 0.5)
    print(
        f"# CPU time of mynad: {busy / (asked.submits + WARM) * 1e3:.2f} ms a submit; load of the "
        f"machine {os.getloadavg()[0]:.1f}"
    )
    there = f"{asked.jobs:,} jobs there"
    bar(f"submits over the socket, {there}", f"{rate:,.0f}/s", f"≥ {RATE:,.0f}/s", rate >= RATE)
    median, slowest = ms(part(took, 0.5)), ms(part(pages, 0.99))
    bar(f"one submit, p99, {asked.at_once} at once", f"{ms(p99)} (median {median})", f"≤ {ms(P99)}", p99 <= P99)
    bar("one page of the list, median", f"{ms(listed)} (p99 {slowest})", f"≤ {ms(PAGE)}", listed <= PAGE)
    bar(
        f"restart, {there}",
        f"{restart:.2f} s (of which ending {stopped:.2f})",
        f"≤ {RESTART:.0f} s",
        restart <= RESTART,
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
