"""mynad's end of the launcher: start worker processes, hear of their ends, notice the launcher's own end.

launcher = Launcher(home)      # before gRPC is imported
launcher.attach()              # in the event loop
child = await launcher.spawn(["python", "-m", "daemon.worker"])
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from daemon.errors import NotNow
from daemon.processes.launcher_program import LIMIT, end_group

log = logging.getLogger("mynad.launcher")

#: seconds the workers of a dead launcher get to be gone (a process that holds GPU memory takes a while to die)
GONE_WITHIN = 60.0


class LauncherDied(Exception):
    """The launcher ended while it was asked for something; ask again, a new one is started."""


@dataclass
class Child:
    """A worker process. `exited` gives its exit code (negative: the signal that ended it), or None when the launcher
    died with it."""

    tag: int
    pid: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    output: asyncio.StreamReader  #: what it writes to stdout and stderr
    exited: asyncio.Future[int | None]
    kill: Callable[[int], None]  #: send it a signal, unless it has ended
    _output_transport: asyncio.BaseTransport

    def close(self) -> None:
        """Let go of our ends of socket and pipe."""
        self.writer.close()
        self._output_transport.close()


class _LastWords(asyncio.StreamReaderProtocol):
    """Reads to the end what a process sent before it died. A stream of asyncio forgets what it has not yet given out,
    and leaves in the socket what it has not yet read, when writing to the dead process fails."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__(reader)
        self._into = reader
        self._link: socket.socket | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._link = transport.get_extra_info("socket")
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None and self._link is not None:
            with contextlib.suppress(OSError), self._link.dup() as link:
                while data := link.recv(1 << 16, socket.MSG_DONTWAIT):
                    self._into.feed_data(data)
        super().connection_lost(None)


class Launcher:
    """The launcher process and the workers it started. Starting it waits for the workers of a dead mynad to be gone,
    and raises NotNow if they will not go. Everything but construction runs in the event loop's thread, which must be
    the main thread: the kernel's "die with your parent" is about the thread that forked."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock_path = home / "run" / "workers.lock"
        self._lock_path.parent.mkdir(parents=True, exist_ok=True)
        self._tag = 0
        self._spawning: dict[int, asyncio.Future[int]] = {}
        self._living: dict[int, asyncio.Future[int | None]] = {}
        self._outliving: set[int] = set()  #: tags of those that end by themselves
        self._groups: dict[int, int] = {}  #: tag → pid of the workers that live, as far as was heard
        self._loop: asyncio.AbstractEventLoop | None = None
        self._restart: asyncio.Task[None] | None = None
        self._up: asyncio.Event | None = None
        self._closed = False
        self.on_restart: Callable[[], None] = lambda: None  #: called after a dead launcher was replaced
        deadline = time.monotonic() + GONE_WITHIN
        while not self._workers_gone():
            if time.monotonic() > deadline:
                raise NotNow(
                    f"Workers of an earlier mynad are still running: they hold {self._lock_path}.",
                    "End them (`fuser` names them), then try again.",
                )
            time.sleep(0.02)
        self._start()

    @property
    def pid(self) -> int:
        """Process id of the launcher."""
        return self._process.pid

    def attach(self) -> None:
        """Start listening to the launcher in the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._up = asyncio.Event()
        self._up.set()
        self._loop.add_reader(self._control, self._hear)

    async def spawn(
        self, argv: Sequence[str], env: Mapping[str, str] | None = None, *, outlives: bool = False
    ) -> Child:
        """Start a process with a socket at descriptor 3, stdout and stderr in a pipe of ours. `argv[0]` is a path.
        `outlives`: it is not ended with mynad, but by itself once we hang up. Raises OSError when it cannot be started
        or is told too much, LauncherDied when the launcher ended meanwhile."""
        assert self._loop is not None, "attach first"
        assert self._up is not None
        if self._closed:
            raise LauncherDied("the launcher is closed")
        await self._up.wait()
        self._tag += 1
        tag = self._tag
        message = json.dumps({"spawn": tag, "argv": list(argv), "env": dict(env or {}), "outlives": outlives}).encode()
        if len(message) >= LIMIT:  # the launcher would read a part of it
            raise OSError(f"its arguments and environment take {len(message):,} bytes, and {LIMIT - 1:,} fit")
        ours, theirs = socket.socketpair()
        output, output_in = os.pipe2(os.O_CLOEXEC)
        pid: asyncio.Future[int] = self._loop.create_future()
        exited: asyncio.Future[int | None] = self._loop.create_future()
        self._spawning[tag], self._living[tag] = pid, exited
        if outlives:
            self._outliving.add(tag)
        try:
            try:
                socket.send_fds(self._control, [message], [theirs.fileno(), output_in])
            except OSError as error:
                raise LauncherDied(str(error)) from error
            finally:
                theirs.close()
                os.close(output_in)
            number = await pid
        except BaseException:
            ours.close()
            os.close(output)
            self._living.pop(tag, None)
            raise
        finally:
            self._spawning.pop(tag, None)
        ours.setblocking(False)
        reader = asyncio.StreamReader(limit=1 << 20)
        link, protocol = await self._loop.create_unix_connection(lambda: _LastWords(reader), sock=ours)
        writer = asyncio.StreamWriter(link, protocol, reader, self._loop)
        lines = asyncio.StreamReader(limit=1 << 20)
        transport, _ = await self._loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(lines), os.fdopen(output, "rb", 0)
        )
        return Child(tag, number, reader, writer, lines, exited, partial(self._kill, tag, exited), transport)

    def _kill(self, tag: int, exited: asyncio.Future[int | None], number: int) -> None:
        if not exited.done():
            with contextlib.suppress(OSError):  # the launcher is dead: then so is the worker
                self._control.send(json.dumps({"kill": tag, "signal": number}).encode())

    def close(self) -> None:
        """End the launcher and with it every worker."""
        if self._closed:
            return
        self._closed = True
        if self._restart is not None:
            self._restart.cancel()
        if self._loop is not None:
            self._loop.remove_reader(self._control)
        self._control.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            self._end_groups()

    def _end_groups(self) -> None:
        """The launcher could not do it: end what its workers started. Such a number is nobody else's while anything of
        the group lives."""
        for pid in self._groups.values():
            end_group(pid)
        self._groups = {}

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_SH)
        root = str(Path(__file__).resolve().parent.parent)
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
        # vfork and exec, no Python between: the one way to start a process beside a running gRPC that its authors call
        # safe
        self._process = subprocess.Popen(
            [sys.executable, "-m", "daemon.processes.launcher_program", str(theirs.fileno()), str(lock)],
            pass_fds=(theirs.fileno(), lock),
            stdin=subprocess.DEVNULL,
            env={
                **os.environ,
                "PYTHONPATH": path,
                "MYNA_HOME": str(self._home),
            },  # workers ask it where an engine's base is
        )
        theirs.close()
        os.close(lock)
        self._control = ours

    def _workers_gone(self) -> bool:
        lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(lock)
        return True

    def _hear(self) -> None:
        """The launcher said something, or is gone."""
        try:
            data = self._control.recv(LIMIT, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        message = json.loads(data)
        if "spawned" in message:
            if message["pid"] and message["spawned"] not in self._outliving:
                self._groups[message["spawned"]] = message["pid"]
            waiting = self._spawning.get(message["spawned"])
            if waiting is not None and not waiting.done():
                if message["pid"]:
                    waiting.set_result(message["pid"])
                else:
                    waiting.set_exception(OSError(message["error"]))
        else:
            self._groups.pop(message["exited"], None)
            self._outliving.discard(message["exited"])
            exited = self._living.pop(message["exited"], None)
            if exited is not None and not exited.done():
                exited.set_result(message["code"])

    def _lost(self) -> None:
        assert self._loop is not None
        assert self._up is not None
        self._loop.remove_reader(self._control)
        self._control.close()
        if self._closed:
            return
        log.error("The launcher (process %d) ended; Myna starts another.", self._process.pid)
        self._up.clear()
        for waiting in self._spawning.values():
            if not waiting.done():
                waiting.set_exception(LauncherDied("the launcher ended"))
        self._restart = self._loop.create_task(self._replace())

    async def _replace(self) -> None:
        """A new launcher, once every worker of the old one is gone: only then may their jobs start again."""
        assert self._loop is not None
        assert self._up is not None
        self._process.kill()
        await asyncio.to_thread(self._process.wait)
        self._end_groups()
        deadline = time.monotonic() + GONE_WITHIN
        while not self._workers_gone() and time.monotonic() < deadline:  # noqa: ASYNC110 - a flock has no event to wait for
            await asyncio.sleep(0.02)
        living, self._living = self._living, {}
        for exited in living.values():
            if not exited.done():
                exited.set_result(None)
        while True:
            try:
                self._start()
                break
            except OSError as error:  # no memory or no processes left, for now
                log.error("Myna cannot start a launcher and tries again. %s", error)
                await asyncio.sleep(1.0)
        self._loop.add_reader(self._control, self._hear)
        self._up.set()
        self.on_restart()
