"""What must be written about a job at work, whatever the disk and the database do meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from daemon.database.models import Job
from daemon.database.store import Store
from daemon.errors import DiskFull, StoreTrouble
from daemon.kinds.lifecycle import Lifecycle
from daemon.state import jobs
from daemon.state.status import Error

log = logging.getLogger("mynad.attempt")

AGAIN = 1.0  #: seconds between tries


class LastingWrites:
    """Of one job. `label`: what it is called in the log."""

    def __init__(self, store: Store, lifecycle: Lifecycle, job: int, label: str) -> None:
        self._store = store
        self._lifecycle = lifecycle
        self._job = job
        self._label = label

    async def settle(self, change: Callable[[Session, Job], Any]) -> None:
        """Change the job's row: a full disk or a held database is waited out, a mistake of ours fails the job."""
        try:
            await self._write(change)
        except Exception:
            log.exception("The end of %s could not be stored as it was.", self._label)
            trouble = Error(
                "crashed", "Myna made a mistake while storing the result.", "log/mynad.log has the details.", ""
            )
            await self._write(lambda session, job: self._lifecycle.fail(session, job, trouble))

    async def _write(self, change: Callable[[Session, Job], Any]) -> None:
        while True:
            try:
                return await self.store(lambda session: change(session, jobs.get(session, self._job)))
            except DiskFull:
                await asyncio.sleep(AGAIN)

    async def store(self, fn: Callable[[Session], Any]) -> None:
        """A write that waits for as long as the database cannot be written: that says nothing about the job. Raises
        DiskFull, though: a worker on a full disk had better leave."""
        while True:
            try:
                await self._store.write(fn)
                return
            except DiskFull:
                raise
            except StoreTrouble:
                await asyncio.sleep(AGAIN)
