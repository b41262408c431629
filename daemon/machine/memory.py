"""Memory that was needed for a moment goes back to the system. glibc keeps what was freed for the next time: after a
flood of calls, or a list of everything there is, that can be more than mynad itself takes. And Python leaves what holds
itself in a circle (an exception and its frames) until there is much of it."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import math
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

log = logging.getLogger("mynad.memory")

#: Seconds between two looks, and bytes above the least there were since the last time that are worth the work.
CHECK_EVERY, SLACK = 5.0, 4_000_000
#: Seconds after which what is free goes back, however little it is: what creeps up by less would stay for ever.
LONGEST = 300.0
_STATM = Path("/proc/self/statm")
#: glibc's `mallopt` (mallopt(3)): heaps that threads have, and bytes from which on a piece of memory is mapped by
#: itself, as what they are.
_ARENA_MAX, _MMAP_THRESHOLD = -8, -3
ARENAS, MAPPED_FROM = 2, 128 * 1024


def keep_together() -> None:
    """To be called before there are threads. glibc gives each thread a heap of its own, up to eight a core, and what
    lives long in one of them keeps its pages: of mynad's some sixteen heaps, each with holes, 14 MB stayed, and they
    rose by 2 MB in eight minutes while what was in use did not. Two are enough where Python's lock lets one thread work
    at a time. What is large is always mapped by itself, and goes back when it is freed (glibc would raise that bound by
    each piece it frees)."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, ARENAS)
        mallopt(_MMAP_THRESHOLD, MAPPED_FROM)


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def due(now: float, least: float, since: float) -> bool:
    """Whether memory is given back: with so many bytes in memory, the least since the last time, seconds ago."""
    return now > least + SLACK or since >= LONGEST


async def give_back(
    measure: Callable[[], int] = resident, clock: Callable[[], float] = time.monotonic, every: float = CHECK_EVERY
) -> None:
    """Look for ever; give back what is free whenever much came to it, and now and then. Ends at once where the C
    library cannot (it is not glibc)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None or not _STATM.exists():
        return
    least, last = math.inf, clock()
    with suppress(OSError):  # before anybody comes: what the first of them need is to be seen
        least = measure()
    while True:
        await asyncio.sleep(every)
        try:
            now = measure()
            least = min(least, now)
            if due(now, least, clock() - last):
                gc.collect()  # of what came since the start (`gc.freeze`): milliseconds
                await asyncio.to_thread(trim, 0)
                least, last = measure(), clock()  # what stays is in use
        except (OSError, RuntimeError) as trouble:  # no file or no thread can be had just now
            log.debug("Memory is not given back now. %s", trouble)
