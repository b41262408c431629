"""Ten thousand hostile requests at both doors, beside a caller who means well. That one asks from a process of its own:
what it takes to be hostile is no wait of the door's. Nobody is told to come again (`requests_a_minute = 0`): all of it
is read.

python -m benchmarks.doors_strangers [--requests 10000]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import select
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable

import httpx

from benchmarks.bars import tell
from benchmarks.made.doors import Workplace
from benchmarks.made.strangers import bodies, heads, wyoming_events

SIDE_BY_SIDE = 8
SOON = 0.15  #: seconds in which answers come
GROWTH = 30e6  #: bytes
DELAY = 0.1  #: seconds
ALONE = 6.0  #: seconds in which nobody is hostile


async def send(address: str, data: bytes) -> bytes:
    """What comes back; empty where the connection was closed."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(data)
        await writer.drain()
        try:
            async with asyncio.timeout(SOON):
                return await reader.read()
        except TimeoutError:  # it waits for more, which does not come (said at once, the end would be a hanging up)
            writer.write_eof()
        async with asyncio.timeout(30):
            return await reader.read()
    except (ConnectionError, TimeoutError):
        return b""
    finally:
        writer.close()


async def besiege(address: str, make: list[Callable[[random.Random], bytes]], requests: int) -> Counter[int]:
    """Statuses of the answers; 0: none, or another protocol's."""
    chance, statuses = random.Random(1), Counter[int]()
    left = iter(range(requests))

    async def one_after_another() -> None:
        for _ in left:
            answer = await send(address, chance.choice(make)(chance))
            found = re.match(rb"HTTP/1\.1 (\d{3})", answer)
            statuses[int(found[1]) if found else 0] += 1
            if b"Traceback" in answer:
                statuses[599] += 1

    await asyncio.gather(*(one_after_another() for _ in range(SIDE_BY_SIDE)))
    return statuses


def call(url: str) -> None:
    """A caller who asks for the list of voices until its stdin ends, and prints the seconds that each took."""
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        while True:
            began = time.perf_counter()
            client.get("/v1/audio/voices").raise_for_status()
            print(time.perf_counter() - began, flush=True)
            if select.select([sys.stdin], [], [], 0.05)[0]:
                return


class Caller:
    """`call`, in a process of its own."""

    def __init__(self, url: str) -> None:
        command = [sys.executable, "-m", "benchmarks.doors_strangers", "--call", url]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._process.stdout.readline()  # it has begun, and is connected

    def waits(self) -> list[float]:
        """Seconds of each request until now."""
        told, _ = self._process.communicate()
        return [float(line) for line in told.splitlines()]


def at(seconds: list[float], share: float) -> float:
    """The quantile."""
    return sorted(seconds)[int(len(seconds) * share)]


def siege(place: Workplace, requests: int) -> tuple[Counter[int], list[float], list[float]]:
    """(statuses, a caller's waits without it, beside it)."""
    caller = Caller(place.http)
    time.sleep(ALONE)
    alone, caller = caller.waits(), Caller(place.http)

    async def both() -> Counter[int]:
        statuses = await besiege(place.http.removeprefix("http://"), [heads, bodies], requests * 2 // 3)
        await besiege(place.wyoming, [wyoming_events], requests - requests * 2 // 3)
        return statuses

    statuses = asyncio.run(both())
    return statuses, alone, caller.waits()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--call", metavar="URL", help="be the caller who means well")
    asked = parser.parse_args()
    if asked.call:
        call(asked.call)
        return 0
    requests: int = asked.requests
    with Workplace(requests_a_minute=0) as place:
        siege(place, requests // 20)  # what strangers take at first is not growth
        before = place.memory()
        statuses, alone, beside = siege(place, requests)
        after, log = place.memory(), place.log()
        wrong = sum(count for status, count in statuses.items() if status >= 500)
        traces = log.count("Traceback")
        measured = f"{wrong} of them 5xx, {traces} tracebacks ({statuses[400]} times 400, {statuses[200]} times 200)"
        tell(f"{requests:,} hostile requests, HTTP and Wyoming", measured, "none", wrong == 0 and traces == 0)
        grown = {name: after[name] - before[name] for name in before}
        measured = ", ".join(f"{name} {size / 1e6:+.0f} MB" for name, size in grown.items())
        tell("memory after them", measured, f"≤ +{GROWTH / 1e6:.0f} MB", max(grown.values()) <= GROWTH)
        slow, usual, noise = at(beside, 0.99), at(alone, 0.5), at(alone, 0.99)
        later = slow - usual
        measured = (
            f"{later * 1000:+.0f} ms (99th percentile of {len(beside)} against the median alone; worst "
            f"{max(beside) * 1000:.0f} ms; with nobody hostile the 99th percentile is {(noise - usual) * 1000:+.0f} ms)"
        )
        tell("another caller beside them", measured, f"≤ +{DELAY * 1000:.0f} ms", later <= DELAY)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
