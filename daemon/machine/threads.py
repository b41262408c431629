"""Pools of threads that are whole from the start. A pool makes a thread when more is asked of it at once than ever
before, perhaps weeks after the start: who watches how many there are could not tell that from a leak."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

#: Threads for what blocks: as many as asyncio would come to have.
BLOCKING = min(32, (os.cpu_count() or 1) + 4)


def whole(count: int, name: str) -> ThreadPoolExecutor:
    """A pool of `count` threads, all there. Where the system has no more of them it has fewer, and asks again when one
    is needed."""
    pool = ThreadPoolExecutor(count, name)
    together = threading.Barrier(count)  # each waits for the others, so that none is given two to wait for
    try:
        begun = [pool.submit(together.wait) for _ in range(count)]
    except RuntimeError:
        together.abort()
        return pool
    for each in begun:
        each.result()
    return pool
