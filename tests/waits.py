"""Waits with a bound, for what has no event of ours: other processes, and states that nobody is told of."""

from __future__ import annotations

import asyncio
import os
import select
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from inotify_simple import INotify, flags


def appears(path: Path, seconds: float = 20.0) -> None:
    """Wait until something of that name is there. Raises TimeoutError."""
    until = time.monotonic() + seconds
    while not path.exists():
        above = next(folder for folder in path.parents if folder.is_dir())
        with INotify() as changes:
            try:
                changes.add_watch(above, flags.CREATE | flags.MOVED_TO | flags.DELETE_SELF)
            except FileNotFoundError:  # it went meanwhile
                continue
            if not path.exists() and next(folder for folder in path.parents if folder.is_dir()) == above:
                changes.read(timeout=max(0, int((until - time.monotonic()) * 1_000)))
        if time.monotonic() >= until and not path.exists():
            raise TimeoutError(f"{path} did not appear within {seconds:g} s")


def ends(pid: int, seconds: float = 10.0) -> None:
    """Wait until that process has ended, reaped or not. Raises TimeoutError."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if not select.select([process], [], [], seconds)[0]:
            raise TimeoutError(f"process {pid} still lives after {seconds:g} s")
    finally:
        os.close(process)


async def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for a state of this process that is told to nobody: looked at while its event loop turns. Raises
    TimeoutError."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - there is no event: that is what this is for
            await asyncio.sleep(0.01)


async def goes_on(endless: Coroutine[Any, Any, None], until: asyncio.Event, bound: float = 30.0) -> None:
    """What goes for ever is still at work when that happens, within so many seconds; then it is ended."""
    working, waiting = asyncio.ensure_future(endless), asyncio.ensure_future(until.wait())
    await asyncio.wait([working, waiting], timeout=bound, return_when=asyncio.FIRST_COMPLETED)
    assert until.is_set()
    assert not working.done()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
