"""Keeps what the scheduler knows of the GPUs fresh, and tells what is wrong with them when it is noticed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from daemon.database.store import Store
from daemon.errors import StoreTrouble
from daemon.machine import gpu_findings
from daemon.machine.gpu import Gpus
from daemon.machine.patience import apart
from daemon.state import events
from daemon.state.values import Level

log = logging.getLogger("mynad.gpu")

GLANCE = 1.0  #: seconds between two looks at the GPUs' free memory


async def watch(gpus: Gpus, store: Store, wake: Callable[[], None]) -> None:
    """Look for ever, in a thread: a driver may take seconds to answer, or hang. `wake` is called when other GPUs are
    there, or answer, than before."""
    look: Callable[[], object] = gpus.sample
    told: set[str] = set()
    known: list[tuple[str, bool]] | None = None
    while True:
        await apart(look)
        look, wrong = gpus.refresh, gpu_findings.of(gpus)
        for finding in wrong:
            if finding.sentence not in told:
                log.error("%s %s", finding.sentence, finding.hint)
                with contextlib.suppress(StoreTrouble):
                    await store.write(events.notice, Level.ERROR, finding.sentence, finding.hint)
        told = {finding.sentence for finding in wrong}
        now = [(device.uuid, device.lost) for device in gpus.devices]
        if now != known:
            wake()
        known = now
        await asyncio.sleep(GLANCE)
