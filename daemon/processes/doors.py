"""The doors (docs/doors.md) as a child of mynad: started with it, started again when it dies, ended with it."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Mapping

from daemon.processes.launcher import Child, Launcher, LauncherDied

log = logging.getLogger("mynad.doors")

#: argv of the program
PROGRAM = (sys.executable, "-m", "doors")
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0  #: seconds before it is started again: twice as long each time it dies young
YOUNG = 30.0  #: seconds


class DoorsProcess:
    """The program, as mynad sees it."""

    def __init__(self, launcher: Launcher, told: Mapping[str, str]) -> None:
        self._launcher = launcher
        self._told = told  #: its environment, beside mynad's

    async def run(self) -> None:
        """For ever. Cancelled, it ends the program."""
        pause = FIRST_PAUSE
        while True:
            began = time.monotonic()
            try:
                child = await self._launcher.spawn(PROGRAM, self._environment())
            except (LauncherDied, OSError) as error:
                log.warning("The doors could not be started: %s", error)
            else:
                code = await self._live(child)
                log.warning("The doors ended (%s); they are opened again.", "with it" if code is None else code)
            pause = FIRST_PAUSE if time.monotonic() - began > YOUNG else pause
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _live(self, child: Child) -> int | None:
        """Until it ends; its exit code (None: the launcher died with it)."""
        words = asyncio.create_task(self._listen(child.output))
        try:
            return await asyncio.shield(child.exited)
        finally:
            words.cancel()
            child.close()  # it ends when it sees that

    async def _listen(self, output: asyncio.StreamReader) -> None:
        while line := await output.readline():
            log.info("%s", line.decode(errors="replace").rstrip()[:1_000])

    def _environment(self) -> dict[str, str]:
        """Where it finds our code, also when it runs from a checkout."""
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
        return {**self._told, "PYTHONPATH": path}
