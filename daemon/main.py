"""mynad: one asyncio process that owns the state and the GPU. Starts in under a second; torch and numpy never enter it.

`main` takes the lock, starts the launcher (before gRPC exists, because gRPC and fork do not mix) and runs `Daemon` until a signal or
System.Shutdown ends it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import importlib
import logging
import logging.handlers
import os
import signal
import socket
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from daemon import settings as configuration
from daemon.blame import Blame
from daemon.children import Launcher
from daemon.errors import DiskFull, MynaError
from daemon.lock import Lock
from daemon.workers import PROGRAM
from proto.home import home as default_home
from proto.home import socket_path

if TYPE_CHECKING:
    import grpc.aio

    from daemon.gpu import Gpus
    from daemon.inbox import Inbox
    from daemon.machine import Machine
    from daemon.scheduler import Scheduler
    from daemon.settings import Settings
    from daemon.speech import Speech
    from daemon.state.events import EventHub
    from daemon.state.logs import Logs
    from daemon.state.runs import PointHub
    from daemon.store import Store

log = logging.getLogger("mynad")

#: services of the contract, and the module each is in
SERVICES = {name: f"daemon.services.{name.lower()}" for name in ("Jobs", "Runs", "Voices", "Datasets", "Speech", "System")}
FORGET = 3600.0  #: seconds between two rounds of forgetting old events
LEAVE = 2.0  #: seconds that calls under way get at the end


class Daemon:
    """All there is in a running mynad; services and scheduler reach each other through it. Made and used inside the event loop."""

    store: Store
    events: EventHub
    points: PointHub
    logs: Logs
    gpu: Gpus
    machine: Machine
    speech: Speech
    scheduler: Scheduler
    inbox: Inbox

    def __init__(self, home: Path, settings: Settings, launcher: Launcher, program: tuple[str, ...] = PROGRAM) -> None:
        self.home = home
        self.settings = settings
        self.launcher = launcher
        self.program = program  #: argv of a worker
        self.started = datetime.now(UTC)
        self.blame = Blame()
        self.failed = False  #: ended because a part of it fell over
        self._ending = asyncio.Event()
        self._now = False
        self._tasks: list[asyncio.Task[None]] = []

    async def serve(self) -> None:
        """Listen, work until `end` is called, then leave in order: workers save, their jobs go back to the queue. Raises MynaError
        when it cannot start."""
        from daemon import listen

        listen.check(self.settings, socket_path(self.home))
        outside = [listen.tcp_server(self.settings)] if self.settings.listen else []
        servers: list[grpc.aio.Server] = []
        self._open()  # nothing of the state is touched before the settings were found fit
        try:
            await self._listen(servers, outside)
            log.info("ready: %s", " and ".join([str(socket_path(self.home)), *filter(None, [self.settings.listen])]))
            _tell_systemd("READY=1")
            gc.freeze()  # what is there now stays: the collector need not look at it again
            await self._ending.wait()
        finally:
            _tell_systemd("STOPPING=1")
            log.info("ending")
            await self._close(servers)

    def end(self, now: bool = False) -> None:
        """Leave: running training saves and goes back to the queue first, unless `now`. Asked twice is `now`."""
        self._now = now or self._ending.is_set()
        self._ending.set()
        if self._now:
            self.scheduler.hurry()

    def _open(self) -> None:
        """State first, then those who use it."""
        from daemon.gpu import Gpus
        from daemon.inbox import Inbox
        from daemon.machine import Machine
        from daemon.scheduler import Scheduler
        from daemon.speech import Speech
        from daemon.state import jobs
        from daemon.state.events import EventHub
        from daemon.state.logs import Logs
        from daemon.state.runs import PointHub
        from daemon.store import Store

        self.store = Store(self.home)
        if recovered := self.store.write_now(jobs.recover):
            log.info("jobs the last mynad left behind: %s", ", ".join(map(str, recovered)))
        self.events, self.points, self.logs = EventHub(self.store), PointHub(self.store), Logs(self.home)
        self.gpu, self.machine = Gpus(), Machine(self)
        self.speech = Speech(self)
        self.scheduler = Scheduler(self)
        self.launcher.attach()
        self._work("scheduler", self.scheduler.run())
        self._work("gpu", self._first_look())
        self._work("forget", self._forget())
        self.inbox = Inbox(self.home, self.settings, self.store)
        self._work("inbox", self.inbox.run())

    async def _first_look(self) -> None:
        await asyncio.to_thread(self.gpu.sample)  # the driver may take a second to wake: nobody waits for it
        self.scheduler.wake()

    async def _forget(self) -> None:
        """Keep the events that settings ask for; who watches from before them is told so."""
        from daemon.state import events

        while True:
            try:
                await self.store.write(events.prune, self.settings.events_kept)
            except DiskFull as full:
                log.warning("old events stay: %s", full)
            await asyncio.sleep(FORGET)

    def _work(self, name: str, life: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(life, name=name)
        task.add_done_callback(self._fell)
        self._tasks.append(task)

    def _fell(self, task: asyncio.Task[None]) -> None:
        """A part that must live as long as mynad ended: better to start afresh than to run without it."""
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("%s fell over; mynad ends", task.get_name(), exc_info=error)
            self.failed = True
            self.end()

    async def _listen(self, servers: list[grpc.aio.Server], outside: list[grpc.aio.Server]) -> None:
        """Start the local server and those of the network, and put them into `servers`."""
        import grpc.aio
        from grpc_health.v1 import health, health_pb2, health_pb2_grpc
        from grpc_reflection.v1alpha import reflection

        from daemon import listen
        from proto import myna_pb2_grpc as stubs

        local = grpc.aio.server(options=listen.OPTIONS)
        ready = [local, *outside]
        checks = self._checks = health.aio.HealthServicer()
        servicers = {name: getattr(importlib.import_module(module), f"{name}Service")(self) for name, module in SERVICES.items()}
        names = [*(f"myna.v1.{name}" for name in servicers), reflection.SERVICE_NAME, health.SERVICE_NAME]
        for server in ready:
            health_pb2_grpc.add_HealthServicer_to_server(checks, server)
            for name, servicer in servicers.items():
                getattr(stubs, f"add_{name}Servicer_to_server")(servicer, server)
            reflection.enable_server_reflection(names, server)
        listen.bind_unix(local, socket_path(self.home))
        for server in ready:
            await server.start()
            servers.append(server)
        for name in ("", *names):
            await checks.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def _close(self, servers: list[grpc.aio.Server]) -> None:
        from daemon import listen

        if servers:
            await self._checks.enter_graceful_shutdown()
        # who asks meanwhile is answered: how far it is, or an impatient `myna down --now`
        await self.scheduler.close(0.0 if self._now else self.settings.stop_grace)
        await self.speech.close()
        for server in servers:
            self._tasks.append(asyncio.create_task(server.stop(LEAVE)))
        for task in self._tasks:
            if task.get_name() in ("scheduler", "inbox", "forget"):
                task.cancel()
        await asyncio.wait(self._tasks, timeout=LEAVE + 3)
        self.launcher.close()
        await asyncio.to_thread(self.store.close)
        self.gpu.close()
        if servers:
            listen.remove_socket(socket_path(self.home))


def log_to(home: Path) -> None:
    """mynad's own log: `log/mynad.log` (five files of 5 MB) and stderr."""
    folder = home / "log"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    logging.raiseExceptions = False  # a full disk costs lines of the log, and no traceback for each of them
    shape = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    for handler in (logging.handlers.RotatingFileHandler(folder / "mynad.log", maxBytes=5_000_000, backupCount=5), logging.StreamHandler()):
        handler.setFormatter(shape)
        logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.INFO)


async def serve(home: Path, settings: Settings, launcher: Launcher) -> bool:
    """Run a mynad in this event loop until SIGTERM, SIGINT or System.Shutdown. True: it ended in order."""
    daemon = Daemon(home, settings, launcher)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.end)
    await daemon.serve()
    return not daemon.failed


def main(argv: list[str] | None = None) -> None:
    """The command `mynad`: runs in the foreground. Exits 0 after an orderly end, 1 when a part of it fell over, 2 when it cannot start."""
    parser = argparse.ArgumentParser(prog="mynad", description="Myna's daemon. Runs in the foreground; end it with Ctrl-C or `myna down`.")
    parser.add_argument("--home", type=Path, default=None, help="folder for all state (else $MYNA_HOME)")
    options = parser.parse_args(argv)
    home = (options.home or default_home()).expanduser().absolute()
    os.environ["MYNA_HOME"] = str(home)  # whoever asks the environment means this home, --home or not
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"  # we never fork beside gRPC, and its handlers would only get in the way
    try:
        sys.exit(_run(home))
    except MynaError as error:
        print(f"mynad: {error}", file=sys.stderr)
        sys.exit(2)


def _run(home: Path) -> int:
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = Lock(home)
    except OSError as error:
        raise MynaError(f"The folder {home} cannot be used: {error.strerror}.", "Set MYNA_HOME to a folder you can write.") from None
    settings = configuration.load(home)
    log_to(home)
    launcher = Launcher(home)
    assert "grpc" not in sys.modules, "the launcher must be there before gRPC is"
    try:
        return 0 if asyncio.run(serve(home, settings, launcher)) else 1
    finally:
        launcher.close()
        lock.release()


def _tell_systemd(state: str) -> None:
    """sd_notify(3), where systemd asked for it."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)


if __name__ == "__main__":
    main()
