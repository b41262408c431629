"""The socket stays where clients look for it, whoever tidies up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc.aio

from daemon.errors import MynaError
from daemon.processes.lock import AlreadyRunning, Lock

CHECK_EVERY = 1.0  #: seconds between two looks whether the socket is still there
PATIENCE = 3600.0  #: seconds before it is tried again, where it cannot be made anew

log = logging.getLogger("mynad")


async def keep(
    path: Path, servers: list[grpc.aio.Server], anew: Callable[[], Awaitable[grpc.aio.Server]], lock: Lock | None
) -> None:
    """Whoever tidies up may delete the socket, or the folder that it lies in: it is made `anew` (a server that listens
    on it, started), and that joins `servers`. The server behind the old one goes on for those who are connected to it.
    Raises AlreadyRunning, if run/ was deleted and another mynad started meanwhile."""
    ours = _identity(path)
    while True:
        await asyncio.sleep(CHECK_EVERY)
        try:
            if lock is not None:
                lock.keep()
            if _identity(path) != ours:
                servers.append(await anew())
                ours = _identity(path)
                log.warning("The socket %s was deleted; mynad makes it anew.", path)
        except AlreadyRunning:
            raise
        except (MynaError, OSError) as error:
            log.warning("The socket was deleted, and mynad cannot make it anew. %s", error)
            await asyncio.sleep(PATIENCE)


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file it is; None: there is none."""
    try:
        facts = path.lstat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino
