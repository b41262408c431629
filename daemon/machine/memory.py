"""Memory that was needed for a moment goes back to the system. glibc keeps what was freed for the next time: after a
flood of calls, or a list of everything there is, that can be more than mynad itself takes."""

from __future__ import annotations

import asyncio
import ctypes
import os
from pathlib import Path

#: Seconds between two looks, and bytes above the least there were since the last time that are worth the work.
CHECK_EVERY, SLACK = 5.0, 4_000_000
_STATM = Path("/proc/self/statm")


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def give_back() -> None:
    """Look for ever; give back what is free whenever much came to it. Ends at once where the C library cannot (it is
    not glibc)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None or not _STATM.exists():
        return
    least = resident()
    while True:
        await asyncio.sleep(CHECK_EVERY)
        least = min(least, resident())
        if resident() > least + SLACK:
            await asyncio.to_thread(trim, 0)
            least = resident()  # what stays is in use
