"""Ten thousand hostile requests at both doors, beside a caller who means well.

python -m benchmarks.doors_strangers [--requests 10000]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
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


async def waits(url: str, ended: asyncio.Event | None, rounds: int = 100) -> list[float]:
    """Seconds that a caller waits for the list of voices, until the siege ends."""
    took: list[float] = []
    async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client:
        while not ended.is_set() if ended is not None else len(took) < rounds:
            began = time.perf_counter()
            (await client.get("/v1/audio/voices")).raise_for_status()
            took.append(time.perf_counter() - began)
            await asyncio.sleep(0.05)
    return took


async def siege(place: Workplace, requests: int) -> tuple[Counter[int], list[float], list[float]]:
    """(statuses, a caller's waits without it, beside it)."""
    alone, ended = await waits(place.http, None), asyncio.Event()
    beside = asyncio.create_task(waits(place.http, ended))
    statuses = await besiege(place.http.removeprefix("http://"), [heads, bodies], requests * 2 // 3)
    await besiege(place.wyoming, [wyoming_events], requests - requests * 2 // 3)
    ended.set()
    return statuses, alone, await beside


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=10_000)
    requests = parser.parse_args().requests
    with Workplace() as place:
        asyncio.run(siege(place, requests // 20))  # what strangers take at first is not growth
        before = place.memory()
        statuses, alone, beside = asyncio.run(siege(place, requests))
        after, log = place.memory(), place.log()
        wrong = sum(count for status, count in statuses.items() if status >= 500)
        traces = log.count("Traceback")
        measured = f"{wrong} of them 5xx, {traces} tracebacks ({statuses[400]} times 400, {statuses[200]} times 200)"
        tell(f"{requests:,} hostile requests, HTTP and Wyoming", measured, "none", wrong == 0 and traces == 0)
        grown = {name: after[name] - before[name] for name in before}
        measured = ", ".join(f"{name} {size / 1e6:+.0f} MB" for name, size in grown.items())
        tell("memory after them", measured, f"≤ +{GROWTH / 1e6:.0f} MB", max(grown.values()) <= GROWTH)
        later = sorted(beside)[int(len(beside) * 0.99)] - sorted(alone)[len(alone) // 2]
        measured = f"{later * 1000:+.0f} ms (99th percentile of {len(beside)}; worst {max(beside) * 1000:.0f} ms)"
        tell("another caller beside them", measured, f"≤ +{DELAY * 1000:.0f} ms", later <= DELAY)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
