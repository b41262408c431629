"""A worker process as mynad sees it: frames up and down, signs of life, last words, and what its end means."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from daemon.processes.launcher import Child, Launcher, LauncherDied
from daemon.settings import Settings
from proto import frames
from proto import worker_pb2 as wire

log = logging.getLogger("mynad.worker")

#: the program of a worker
PROGRAM = (sys.executable, "-m", "daemon.worker")
#: bytes of one line of output that are kept
LINE_LIMIT = 10_000


@dataclass(frozen=True)
class Exit:
    """How a worker process ended, for people."""

    sentence: str  #: "it was killed (SIGKILL)"
    hint: str
    jobs_doing: bool = True  #: the job may be what killed it; False: it fell with the launcher


class Worker:
    """One worker process. Frames go to `handler`, printed lines to `on_output`; both may be set anew for each job it
    does."""

    def __init__(self, child: Child, heartbeat_timeout: float) -> None:
        self.child = child
        self.pid = child.pid
        self.handler: Callable[[wire.Report], Awaitable[None]] = _ignore
        self.on_output: Callable[[str], Awaitable[None]] = self.note
        self._timeout = heartbeat_timeout
        self._last_activity = time.monotonic()
        self._busy = False  #: a report is being dealt with: silence is ours
        self._why_killed = ""
        self._kills = _oom_kills()
        self.ended: asyncio.Task[Exit] = asyncio.create_task(self._live())

    async def note(self, text: str) -> None:
        """What becomes of its words between jobs: lines of mynad's own log."""
        log.info("worker %d: %s", self.pid, text)

    def send(self, **command: object) -> None:
        """Send a command, named as in wire.Command: `send(cancel=wire.Cancel())`. A dead worker hears nothing, and no
        error comes of it."""
        if not self.child.writer.is_closing():
            self.child.writer.write(frames.pack(wire.Command(**command)))  # type: ignore[arg-type]

    def kill(self, why: str = "") -> None:
        """SIGKILL. `why` becomes the sentence of its end."""
        self._why_killed = self._why_killed or why
        self.child.kill(signal.SIGKILL)

    def let_go(self) -> None:
        """Close the socket: the process ends by itself."""
        self.child.writer.close()

    async def _live(self) -> Exit:
        """From start to end: read frames and words, watch for silence, then say how it ended."""
        output = asyncio.create_task(self._listen())
        watch = asyncio.create_task(self._watch())
        try:
            await self._read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the socket's end is the process's end, or soon will be
        except (DecodeError, ValueError) as error:
            self.kill(f"it sent something that is not a report ({error})")
        try:
            code = await asyncio.wait_for(asyncio.shield(self.child.exited), 10.0)
        except TimeoutError:
            self.kill("it would not end")
            code = await self.child.exited
        watch.cancel()
        await asyncio.wait([output], timeout=2.0)  # something it started may still hold the pipe
        output.cancel()
        self.child.close()
        return self._explain(code)

    async def _read(self) -> None:
        reader = self.child.reader
        while True:
            (size,) = frames.LENGTH.unpack(await reader.readexactly(frames.LENGTH.size))
            if size > frames.LIMIT:
                raise ValueError(f"a frame of {size} bytes")
            report = wire.Report.FromString(await reader.readexactly(size))
            self._last_activity = time.monotonic()
            if report.WhichOneof("report") in ("heartbeat", "hello"):
                continue
            self._busy = True
            try:
                await self.handler(report)
            finally:
                self._busy = False
                self._last_activity = time.monotonic()

    async def _listen(self) -> None:
        while True:
            try:
                line = await self.child.output.readline()
            except ValueError:
                continue  # longer than the buffer: what was read of it is dropped
            if not line:
                return
            text = line[:LINE_LIMIT].decode(errors="replace").rstrip()
            if text:
                await self.on_output(text.rsplit("\r", 1)[-1])  # of a progress bar, what one would have seen last

    async def _watch(self) -> None:
        """End a worker that is silent for too long."""
        while True:
            left = self._last_activity + self._timeout - time.monotonic()
            await asyncio.sleep(max(left, 0.5))
            if self._busy or time.monotonic() - self._last_activity < self._timeout:
                continue
            # it may be us who slept (a suspended machine, a stopped mynad): read what has come before judging
            activity = self._last_activity
            await asyncio.sleep(min(1.0, self._timeout / 2))
            if self._last_activity == activity and not self._busy:
                self.kill(f"it did not answer for {self._timeout:g} s and was ended")
                return

    def _explain(self, code: int | None) -> Exit:
        if self._why_killed:
            return Exit(self._why_killed, "The end of the log shows the last thing that it did.")
        if code is None:
            sentence = "the process that starts workers died, and this one ended with it"
            return Exit(sentence, "Nothing was lost that was saved.", jobs_doing=False)
        if code == -signal.SIGKILL:
            if _oom_kills() > self._kills:
                return Exit(
                    "the kernel killed it because memory ran out",
                    "End other programs, or make the job smaller (batch_size).",
                )
            return Exit("it was killed (SIGKILL)", "If nobody did that, memory ran out: `journalctl -k` would say so.")
        if code < 0:
            return Exit(
                f"it crashed ({signal.Signals(-code).name})", "The end of the log shows the last thing that it did."
            )
        return Exit(
            f"it ended with exit code {code} and no report", "The end of the log shows the last thing that it did."
        )


class Workers:
    """Starts worker processes."""

    def __init__(self, launcher: Launcher, settings: Settings, program: tuple[str, ...] = PROGRAM) -> None:
        self._launcher = launcher
        self._settings = settings
        self._program = program  #: argv of a worker

    async def launch(
        self, *arguments: str, environment: Mapping[str, str], program: tuple[str, ...] | None = None
    ) -> Worker:
        """A fresh worker process with these variables besides mynad's, or another `program` in its place; when the
        launcher just died, from the next one. Raises OSError when the system has no room for one."""
        threads = self._settings.threads
        env = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads)) if threads else {}
        env |= environment
        while True:
            try:
                child = await self._launcher.spawn([*(program or self._program), *arguments], env)
                return Worker(child, self._settings.heartbeat_timeout)
            except LauncherDied:
                await asyncio.sleep(0.05)


async def _ignore(report: wire.Report) -> None:
    """Reports between jobs matter to nobody."""


def _oom_kills() -> int:
    """How often the kernel ended a process of our control group for lack of memory (0 where that cannot be known)."""
    try:
        with open("/proc/self/cgroup") as file:
            group = next((line.strip().removeprefix("0::") for line in file if line.startswith("0::")), "/")
        with open(os.path.join("/sys/fs/cgroup", group.lstrip("/"), "memory.events")) as file:
            return sum(int(line.split()[1]) for line in file if line.startswith("oom_kill "))
    except (OSError, ValueError, IndexError):
        return 0
