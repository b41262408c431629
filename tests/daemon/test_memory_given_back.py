"""Memory that mynad does not need goes back to the system."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from daemon.machine import memory

pytestmark = pytest.mark.unit


class Circle:
    """What only the collector finds."""

    def __init__(self) -> None:
        self.me = self


@pytest.mark.parametrize(
    ("now", "since", "due"),
    [
        (100_000_000, 1.0, False),
        (100_000_000 + memory.SLACK, 1.0, False),
        (100_000_001 + memory.SLACK, 1.0, True),
        (100_000_001, memory.LONGEST - 1, False),
        (100_000_000, memory.LONGEST, True),  # what creeps up by little
    ],
)
def test_when_it_is_given_back(now: int, since: float, due: bool) -> None:
    assert memory.due(now, 100_000_000, since) is due


def test_what_holds_itself_goes_when_its_time_has_come() -> None:
    async def whole() -> None:
        held = Circle()
        gone = asyncio.Event()
        weakref.finalize(held, gone.set)
        seconds = 0.0

        def clock() -> float:
            nonlocal seconds
            seconds += memory.LONGEST
            return seconds

        gc.disable()  # so that nobody else finds it
        try:
            del held
            working = asyncio.ensure_future(memory.give_back(measure=lambda: 0, clock=clock, every=0.0))
            await asyncio.wait_for(gone.wait(), 30)
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
        finally:
            gc.enable()

    asyncio.run(whole())
