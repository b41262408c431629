"""A hundred callers at once at the HTTP door, by the shipped base: all answered, in the order they came, memory flat;
and of more than there is room for, the rest told when to come again.

    python -m benchmarks.doors_crowd [--callers 100]
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from dataclasses import dataclass

import httpx

from benchmarks.bars import tell
from benchmarks.made.doors import Workplace

GROWTH = 30e6  #: bytes
#: places by which a caller may be overtaken: they come within a few milliseconds of each other, over connections of
#: their own
OVERTAKEN = 5
SHORT = "Number {}."


@dataclass(frozen=True)
class Answer:
    number: int  #: in the order they asked
    status: int
    first: float  #: when its first byte came, seconds
    again: str  #: Retry-After


async def ask(client: httpx.AsyncClient, number: int) -> Answer:
    body = {"model": "myna", "voice": "anna", "input": SHORT.format(number), "response_format": "opus"}
    async with client.stream("POST", "/v1/audio/speech", json=body) as answer:
        first = 0.0
        async for _ in answer.aiter_raw():
            first = first or time.perf_counter()
        return Answer(number, answer.status_code, first, answer.headers.get("retry-after", ""))


async def crowd(url: str, callers: int) -> list[Answer]:
    """All at once, each on a connection of its own."""
    limits = httpx.Limits(max_connections=callers)
    async with httpx.AsyncClient(base_url=url, timeout=600, trust_env=False, limits=limits) as client:
        tasks = []
        for number in range(callers):
            tasks.append(asyncio.create_task(ask(client, number)))
            await asyncio.sleep(0.002)  # in an order
        return list(await asyncio.gather(*tasks))


def overtaken(answers: list[Answer]) -> int:
    """The most places by which anybody was served later than they asked."""
    served = sorted(answers, key=lambda one: one.first)
    return max(place - one.number for place, one in enumerate(served))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--callers", type=int, default=100)
    callers = parser.parse_args().callers
    with Workplace(most_at_once=callers) as place:
        asyncio.run(crowd(place.http, callers // 4))  # what a crowd takes at first is not growth
        before, began = place.memory(), time.monotonic()
        answers = asyncio.run(crowd(place.http, callers))
        took, after = time.monotonic() - began, place.memory()
        statuses = Counter(one.status for one in answers)
        measured = f"{statuses[200]} answered in {took:.1f} s, at most {overtaken(answers)} places later than asked"
        fair = statuses[200] == callers and overtaken(answers) <= OVERTAKEN
        tell(f"{callers} callers at once, in their order", measured, f"all, ≤ {OVERTAKEN} places late", fair)
        grown = {name: after[name] - before[name] for name in before}
        measured = ", ".join(f"{name} {size / 1e6:+.0f} MB" for name, size in grown.items())
        tell("memory after them", measured, f"≤ +{GROWTH / 1e6:.0f} MB", max(grown.values()) <= GROWTH)
        answers = asyncio.run(crowd(place.http, callers * 3 // 2))
        statuses = Counter(one.status for one in answers)
        polite = all(one.again.isdigit() for one in answers if one.status == 429)
        right = set(statuses) == {200, 429} and statuses[200] >= callers and polite
        measured = f"{statuses[200]} answered, {statuses[429]} told 429 with Retry-After"
        tell(f"{callers * 3 // 2} callers where there is room for {callers}", measured, "no other answer", right)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
