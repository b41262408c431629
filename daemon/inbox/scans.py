"""Scanning the folders of the inbox side by side: a folder that fails or takes long delays no other."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from daemon.errors import StoreTrouble
from daemon.inbox.complaints import SCAN, Complaints
from daemon.inbox.voice_folder import AFTER_FULL, AFTER_FULL_AT_MOST

log = logging.getLogger("mynad.inbox")


@dataclass
class Scan:
    """How one folder is scanned, and how the last scan went."""

    complaints: Complaints
    run: Callable[[float], Awaitable[float]]  #: given the time, does what is due; returns seconds until the next is due
    failures: int = 0  #: in a row
    not_before: float = -math.inf  #: the next scan; seconds of the clock
    task: asyncio.Task[float] | None = field(default=None, repr=False)


class Scans:
    """The scans of all folders, by the folder's name."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self.wake = wake  #: called when a scan ends for which nobody waits any more
        self._scans: dict[bytes, Scan] = {}
        self._held: set[bytes] = set()  #: not scanned until `release`

    def add(self, name: bytes, complaints: Complaints, run: Callable[[float], Awaitable[float]]) -> None:
        """Scan this folder from now on. Does nothing for a folder that is known."""
        if name not in self._scans:
            self._scans[name] = Scan(complaints, run)

    def keep(self, names: set[bytes]) -> None:
        """Forget every other folder whose scan is not running."""
        self._scans = {name: scan for name, scan in self._scans.items() if name in names or scan.task is not None}

    async def all(self, now: float, patience: float) -> float:
        """Start the scans that are due and wait at most `patience` seconds for them. Returns seconds until something
        may be due again, as far as it is known."""
        wait = math.inf
        begun: list[tuple[Scan, asyncio.Task[float]]] = []
        for name, scan in self._scans.items():
            if scan.task is not None or name in self._held:
                continue  # its end wakes us
            if scan.not_before > now:
                wait = min(wait, scan.not_before - now)
                continue
            scan.task = asyncio.create_task(self._one(scan, now))
            begun.append((scan, scan.task))
        if begun:
            await asyncio.wait([task for _, task in begun], timeout=None if patience == math.inf else patience)
        for scan, task in begun:
            if task.done():
                wait = min(wait, task.result())
                scan.task = None
            else:
                task.add_done_callback(lambda task, scan=scan: self._late(scan))  # type: ignore[misc]
        return wait

    async def hold(self, names: set[bytes], patience: float) -> bool:
        """Start no scan of these folders until `release`. False: one is still running after `patience` seconds."""
        self._held |= names
        tasks = [scan.task for name, scan in self._scans.items() if name in names and scan.task is not None]
        if not tasks:
            return True
        _, running = await asyncio.wait(tasks, timeout=patience)
        return not running

    def release(self, names: set[bytes]) -> None:
        self._held -= names
        self.wake()

    def forget(self, name: bytes) -> None:
        """Forget this folder: one that gets its name later is scanned as a new one."""
        self._scans.pop(name, None)

    def stop(self) -> None:
        for scan in self._scans.values():
            if scan.task is not None:
                scan.task.cancel()

    def _late(self, scan: Scan) -> None:
        scan.task = None
        self.wake()

    async def _one(self, scan: Scan, now: float) -> float:
        try:
            wait = await scan.run(now)
        except Exception as error:
            if isinstance(error, StoreTrouble) or (
                isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
            ):
                log.warning(
                    "The inbox%s waits. %s", f" of {scan.complaints.voice}" if scan.complaints.voice else "", error
                )
                scan.not_before = now + AFTER_FULL
                return AFTER_FULL
            scan.failures += 1
            back_off = min(AFTER_FULL * 2.0 ** min(scan.failures - 1, 10), AFTER_FULL_AT_MOST)
            scan.not_before = now + back_off
            folder = f"inbox/{scan.complaints.voice}" if scan.complaints.voice else "the inbox itself"
            log.error("The scan of %s failed; the next one follows in %g s.", folder, back_off, exc_info=error)
            with contextlib.suppress(Exception):  # a full disk, most likely
                sentence = f"Myna could not scan {folder} ({type(error).__name__}). All other voices go on."
                hint = (
                    "Take out the files that came there last: one of them may be the cause. Myna tries again by "
                    "itself; the details are in log/mynad.log."
                )
                await scan.complaints.complain(SCAN, sentence, hint)
            return back_off
        scan.failures, scan.not_before = 0, -math.inf
        scan.complaints.mended(SCAN)
        return wait
