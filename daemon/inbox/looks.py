"""Looking at the folders of the inbox side by side: what goes wrong with one, or takes long, is that one's own, and
delays no other."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from daemon.errors import StoreTrouble
from daemon.inbox.complaints import LOOK, Complaints
from daemon.inbox.voice_folder import AFTER_FULL, AFTER_FULL_AT_MOST

log = logging.getLogger("mynad.inbox")


@dataclass
class Look:
    """How one folder is looked at, and how that went."""

    complaints: Complaints
    at: Callable[
        [float], Awaitable[float]
    ]  #: given the time, does what is due; returns seconds until something may be due again
    failed: int = 0  #: times in a row
    again: float = -math.inf  #: not before this time
    task: asyncio.Task[float] | None = field(default=None, repr=False)


class Looks:
    """All folders that are looked at, by name."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self.wake = wake  #: called when a look that nobody waited for any more has come to its end
        self._looks: dict[bytes, Look] = {}
        self._held: set[bytes] = set()  #: not looked at just now

    def of(self, name: bytes, complaints: Complaints, at: Callable[[float], Awaitable[float]]) -> None:
        """A folder is to be looked at from now on, if it is not yet."""
        if name not in self._looks:
            self._looks[name] = Look(complaints, at)

    def keep(self, names: set[bytes]) -> None:
        """All others are gone."""
        self._looks = {name: look for name, look in self._looks.items() if name in names or look.task is not None}

    async def all(self, now: float, patience: float) -> float:
        """Look at every folder that is not being looked at still. Waits for at most `patience` seconds. Returns seconds
        until something may be due again, as far as it is known."""
        wait = math.inf
        begun: list[tuple[Look, asyncio.Task[float]]] = []
        for name, look in self._looks.items():
            if look.task is not None or name in self._held:
                continue  # its end wakes us
            if look.again > now:
                wait = min(wait, look.again - now)
                continue
            look.task = asyncio.create_task(self._one(look, now))
            begun.append((look, look.task))
        if begun:
            await asyncio.wait([task for _, task in begun], timeout=None if patience == math.inf else patience)
        for look, task in begun:
            if task.done():
                wait = min(wait, task.result())
                look.task = None
            else:
                task.add_done_callback(lambda task, look=look: self._late(look))  # type: ignore[misc]
        return wait

    async def hold(self, names: set[bytes], patience: float) -> bool:
        """Look at none of these folders until `release`. False: somebody looks at one still after `patience`
        seconds."""
        self._held |= names
        tasks = [look.task for name, look in self._looks.items() if name in names and look.task is not None]
        if not tasks:
            return True
        _, running = await asyncio.wait(tasks, timeout=patience)
        return not running

    def release(self, names: set[bytes]) -> None:
        self._held -= names
        self.wake()

    def forget(self, name: bytes) -> None:
        """Whoever comes to have this name is looked at afresh."""
        self._looks.pop(name, None)

    def stop(self) -> None:
        for look in self._looks.values():
            if look.task is not None:
                look.task.cancel()

    def _late(self, look: Look) -> None:
        look.task = None
        self.wake()

    async def _one(self, look: Look, now: float) -> float:
        try:
            wait = await look.at(now)
        except Exception as error:
            if isinstance(error, StoreTrouble) or (
                isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
            ):
                log.warning(
                    "the inbox%s waits: %s", f" of {look.complaints.voice}" if look.complaints.voice else "", error
                )
                look.again = now + AFTER_FULL
                return AFTER_FULL
            look.failed += 1
            back_off = min(AFTER_FULL * 2.0 ** min(look.failed - 1, 10), AFTER_FULL_AT_MOST)
            look.again = now + back_off
            folder = f"inbox/{look.complaints.voice}" if look.complaints.voice else "the inbox itself"
            log.error("a look at %s failed; the next one follows in %g s", folder, back_off, exc_info=error)
            with contextlib.suppress(Exception):  # a full disk, most likely
                sentence = f"Myna failed to look through {folder} ({type(error).__name__}); all other voices go on."
                hint = (
                    "Files that came there last may be to blame: take them out. It is tried again by "
                    "itself; log/mynad.log tells more."
                )
                await look.complaints.complain(LOOK, sentence, hint)
            return back_off
        look.failed, look.again = 0, -math.inf
        look.complaints.mended(LOOK)
        return wait
