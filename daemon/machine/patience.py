"""Calls that may never return: a driver that hangs in the kernel keeps its thread.

Each has a thread of its own, which nothing waits for at mynad's end; the event loop's own pool would be waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from daemon.machine.gpu import Gpus

log = logging.getLogger("mynad.gpu")

PATIENCE = 10.0  #: seconds that a GPU's driver gets to answer, where somebody's work waits for it

T = TypeVar("T")


async def apart(call: Callable[[], T]) -> T:
    """What a blocking call returns or raises. Cancelled, the call goes on and nobody hears of it."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def tell(act: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: mynad has ended
            loop.call_soon_threadsafe(lambda: None if answer.done() else act())

    def work() -> None:
        try:
            found = call()
        except Exception as error:
            problem = error
            tell(lambda: answer.set_exception(problem))
        else:
            tell(lambda: answer.set_result(found))

    threading.Thread(target=work, name="driver", daemon=True).start()
    return await answer


async def lost(gpus: Gpus, uuid: str) -> bool:
    """Look whether one of ours has stopped answering; a driver that hangs has."""
    try:
        return await asyncio.wait_for(apart(lambda: gpus.lost(uuid)), PATIENCE)
    except TimeoutError:
        log.error("The NVIDIA driver did not answer for %g s.", PATIENCE)
        gpus.silent(uuid)
        return True


async def close(gpus: Gpus) -> None:
    """Let go of the driver, unless it hangs: then the kernel does, when mynad is gone."""
    try:
        await asyncio.wait_for(apart(gpus.close), PATIENCE)
    except TimeoutError:
        log.error("The NVIDIA driver did not answer for %g s; mynad ends without it.", PATIENCE)
