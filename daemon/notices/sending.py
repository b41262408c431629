"""mynad's half of the program that sends: started when there is something to send, let go when there is nothing more.

It runs on for the length of a message when mynad dies, and the next one waits for it (`daemon.notice_sender`).
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from daemon.notices.parcel import Answer, Outcome, Parcel
from daemon.processes.launcher import Child, Launcher, LauncherDied

log = logging.getLogger("mynad.notices")

#: argv of the program
PROGRAM = (sys.executable, "-m", "daemon.notice_sender")
#: seconds after which a sender that has nothing to do is let go
IDLE = 20.0
#: seconds a message may take: one that the last mynad's sender was at, and this one; the program ends itself sooner
LONGEST = 210.0


class Sender:
    """Of one notifier. One parcel at a time."""

    def __init__(self, launcher: Launcher, home: Path, name: str) -> None:
        self._launcher = launcher
        self._folder = home / "run" / "notices"
        self._name = name
        self._child: Child | None = None
        self._words: asyncio.Task[None] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._one = asyncio.Lock()

    async def send(self, parcel: Parcel) -> Answer:
        """What became of it. Cancelled, the program goes on with what it is at, and then ends."""
        async with self._one:
            if self._idle is not None:
                self._idle.cancel()
            try:
                child = await self._living()
            except (LauncherDied, OSError) as error:
                return Answer(Outcome.REFUSED, f"The program that sends could not be started: {error}.")
            try:
                return await asyncio.wait_for(self._ask(child, parcel), LONGEST)
            except BaseException as error:
                self.close()
                if not isinstance(error, TimeoutError | OSError | ValueError | TypeError):
                    raise
                child.kill(signal.SIGKILL)
                return Answer(Outcome.UNTOLD, "The program that sends did not answer.")
            finally:
                if self._child is not None:
                    self._idle = asyncio.get_running_loop().call_later(IDLE, self.close)

    async def _ask(self, child: Child, parcel: Parcel) -> Answer:
        child.writer.write(parcel.line())
        await child.writer.drain()
        line = await child.reader.readline()
        if not line.endswith(b"\n"):
            raise ConnectionResetError("it ended")
        return Answer.read(line)

    async def _living(self) -> Child:
        """Raises OSError, LauncherDied."""
        if self._child is not None and not self._child.exited.done():
            return self._child
        self.close()
        await asyncio.to_thread(self._folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
        argv = (*PROGRAM, str(self._folder), self._name)
        self._child = child = await self._launcher.spawn(argv, {"PYTHONPATH": path}, outlives=True)
        self._words = asyncio.create_task(self._listen(child))
        return child

    async def _listen(self, child: Child) -> None:
        while line := await child.output.readline():
            log.warning("%s: %s", self._name, line.decode(errors="replace").rstrip()[:1_000])

    def close(self) -> None:
        """Let go of it: it ends after what it is at."""
        child, self._child = self._child, None
        if self._words is not None:
            self._words.cancel()
        if self._idle is not None:
            self._idle.cancel()
        if child is not None:
            child.close()
