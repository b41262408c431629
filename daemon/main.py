"""mynad: one asyncio process that owns the state and the GPU. Starts in under a second; torch and numpy never enter it.

`main` takes the lock, starts the launcher (before gRPC exists, because gRPC and fork do not mix) and runs `Daemon`
until a signal or System.Shutdown ends it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from daemon import settings as configuration
from daemon.composition import Parts
from daemon.errors import DatabaseHeld, MynaError, StoreTrouble
from daemon.machine import memory, threads
from daemon.machine.energy import POWERCAP
from daemon.own_log import log_to
from daemon.processes import systemd
from daemon.processes.doors import DoorsProcess
from daemon.processes.launcher import Launcher
from daemon.processes.lock import AlreadyRunning, Lock
from daemon.processes.workers import PROGRAM, Workers
from daemon.scheduling.blame import Blame
from proto.home import home as default_home
from proto.home import socket_path

if TYPE_CHECKING:
    import grpc.aio

    from daemon.notify_settings import Notifier
    from daemon.settings import Settings

log = logging.getLogger("mynad")

FORGET = 3600.0  #: seconds between two rounds of forgetting old events
LEAVE = 2.0  #: seconds that calls under way get at the end
#: parts that go on until they are stopped
ENDLESS = {
    "scheduler",
    "gpu",
    "inbox",
    "forget",
    "survey",
    "socket",
    "memory",
    "speech",
    "doors",
    "cleaning",
    "idle",
    "lazy-gpus",
    "notices",
    "watching",
    "metering",
    "energy",
    "cluster",
}


class Daemon(Parts):
    """The composition root: makes each part of a running mynad and hands it what it needs; no part knows this class.
    Made and used inside the event loop."""

    _local: Callable[[], Awaitable[grpc.aio.Server]]  #: a server that listens on the socket, started

    def __init__(self, home: Path, settings: Settings, launcher: Launcher, program: tuple[str, ...] = PROGRAM) -> None:
        self.home = home
        self.settings = settings
        self.launcher = launcher
        self.program = program  #: argv of a worker
        self.powercap = POWERCAP  #: where the kernel tells what CPUs take
        self.blame = Blame()
        self.failed = False  #: ended because a part of it fell over
        self.lock: Lock | None = None  #: taken anew if somebody deletes its file
        self._ending = asyncio.Event()
        self._now = False
        self._tasks: list[asyncio.Task[None]] = []

    async def serve(self) -> None:
        """Listen, work until `end` is called, then leave in order: workers save, their jobs go back to the queue.
        Raises MynaError when it cannot start."""
        from daemon.notify_settings import notifiers
        from daemon.services import listen

        listen.check(self.settings, socket_path(self.home))
        told = notifiers(self.settings.notify, self.home)
        self._doors = self.settings.doors(child=True)
        keeper = self.keeper = listen.doorkeeper(self.settings)
        outside = [listen.tcp_server(self.settings, keeper)] if self.settings.listen else []
        servers: list[grpc.aio.Server] = []
        self._open(told)  # nothing of the state is touched before the settings were found fit
        keeper.open(self.store)
        try:
            await self._listen(servers, outside)
            self.work("socket", self._keep_socket(servers))
            log.info("ready: %s", " and ".join([str(socket_path(self.home)), *filter(None, [self.settings.listen])]))
            systemd.notify("READY=1")
            if self._doors:
                self.work("doors", DoorsProcess(self.launcher, self._doors).run())
            self.work("survey", self.adoption.at_start())  # a big home takes a while: nobody waits for it
            self.work("speech", self.speech.get_ready())
            gc.freeze()  # what is there now stays: the collector need not look at it again
            await self._ending.wait()
        finally:
            systemd.notify("STOPPING=1")
            log.info("ending")
            await self._close(servers)

    def end(self, now: bool = False) -> None:
        """Leave: running training saves and goes back to the queue first, unless `now`. Asked twice is `now`."""
        self._now = now or self._ending.is_set()
        self._ending.set()
        if self._now:
            self.scheduler.hurry()

    def _open(self, told: tuple[Notifier, ...]) -> None:
        """State first, then those who use it."""
        from daemon.database.store import Store
        from daemon.far.cluster import Cluster
        from daemon.home import imports, purging, voice_folders
        from daemon.home.adopt import Adoption
        from daemon.inbox.watcher import Inbox
        from daemon.kinds.lifecycle import Lifecycle
        from daemon.kinds.registry import Kinds
        from daemon.machine.disk_space import DiskSpace
        from daemon.machine.gpu import Gpus
        from daemon.machine.sampler import Machine
        from daemon.scheduling.attempt import Attempt
        from daemon.scheduling.far_lanes import FarLanes
        from daemon.scheduling.reporting import Reporting
        from daemon.scheduling.scheduler import Scheduler
        from daemon.scheduling.speech import Ready, Speech
        from daemon.state import engines, incoming
        from daemon.state.events import EventHub
        from daemon.state.logs import Logs
        from daemon.state.runs import PointHub
        from daemon.telemetry.meters import Meters

        home, settings = self.home, self.settings
        store = self.store = Store(home, settings=settings)
        voice_folders.finish(store, home)
        purging.finish(store, home)
        self.kinds = Kinds(home, settings)
        lifecycle = self.lifecycle = Lifecycle(self.kinds)
        if recovered := store.write_now(lifecycle.recover):
            log.info("Jobs that the last mynad left unfinished: %s", ", ".join(map(str, recovered)))
        imports.sweep(home, store.read_now(incoming.packages))
        self.meters = Meters()
        store.on_commit(self.meters.happened)
        self.events, self.points, self.logs = EventHub(store), PointHub(store), Logs(home)
        self.gpu, self.disk = Gpus(wanted=settings.gpus), DiskSpace(home, settings.min_free_disk)
        workers = Workers(self.launcher, settings, self.program)
        ready = Ready(partial(engines.speaking, home=home), lambda: self.scheduler.gpus.for_speech())
        self.speech = Speech(
            store, lifecycle, workers, settings.speech_idle_seconds, ready if settings.speech_ready else None
        )
        hubs = self.events, self.points, self.logs
        to = Reporting(home, store, lifecycle, workers, self.speech, *hubs, self.blame, self.gpu)
        cluster = Cluster(self.launcher, settings.executor, lambda: self.scheduler.wake())
        far = partial(FarLanes, cluster, settings.executor, self.program)
        self.scheduler = Scheduler(store, self.kinds, self.gpu, self.speech, partial(Attempt, to), settings, far)
        self.machine = Machine(home, self.gpu, self.scheduler.owner, self.scheduler.far.told)
        self.launcher.attach()
        self._watch()
        self.work("scheduler", self.scheduler.run())
        self.work("cluster", cluster.run())
        self._tell(told)
        self.work("forget", self._forget())
        self.inbox = Inbox(home, settings, store, lifecycle)
        self.adoption = Adoption(home, store, lifecycle, self.inbox.takes, settings.ingest_batch)
        self.work("inbox", self.inbox.run())

    def _tell(self, told: tuple[Notifier, ...]) -> None:
        """People who are elsewhere."""
        from daemon.notices.post import Notices
        from daemon.notices.watching import Watching

        self.notices = Notices(self.store, self.home, told, self.launcher)
        self.work("notices", self.notices.run())
        self.work("watching", Watching(self.store, self.disk, self.kinds.train, tells=bool(told)).run())

    def _watch(self) -> None:
        """The machine, and what is used of it."""
        from daemon.machine import gpu_watch, lazy_gpus
        from daemon.machine.energy import Rapl
        from daemon.scheduling.energy_meter import EnergyMeter
        from daemon.scheduling.metering import Metering

        self.work("metering", Metering(self.store, self.home, self.scheduler.attempts).run())
        holder, rapl = self.scheduler.gpus.holder, Rapl(self.powercap)
        self.energy = EnergyMeter(
            self.store, self.gpu, self.scheduler.attempts, holder, self.points, self.settings.cost, rapl
        )
        self.work("energy", self.energy.run())
        self.work("gpu", gpu_watch.watch(self.gpu, self.store, self.scheduler.gpus_changed))
        self.work("lazy-gpus", lazy_gpus.watch(self.machine.sample, self.store, self.scheduler.job_of))
        self.work("memory", memory.give_back())

    async def _forget(self) -> None:
        """Keep the events that settings ask for; who watches from before them is told so."""
        from daemon.state import events

        while True:
            try:
                while await self.store.write(events.prune, self.settings.events_kept):
                    pass
            except StoreTrouble as trouble:
                log.warning("Old events could not be deleted. %s", trouble)
            await asyncio.sleep(FORGET)

    def work(self, name: str, life: Coroutine[None, None, None]) -> None:
        """A part that lives as long as mynad, but for one that ends by itself."""
        task = asyncio.create_task(life, name=name)
        task.add_done_callback(self._fell)
        self._tasks.append(task)

    def _fell(self, task: asyncio.Task[None]) -> None:
        """A part that must live as long as mynad ended: better to start afresh than to run without it."""
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("%s failed; mynad ends.", task.get_name(), exc_info=error)
            self.failed = True
            self.end()

    async def _listen(self, servers: list[grpc.aio.Server], outside: list[grpc.aio.Server]) -> None:
        """Start the local server and those of the network, and put them into `servers`."""
        from grpc_health.v1 import health, health_pb2, health_pb2_grpc
        from grpc_reflection.v1alpha import reflection

        from daemon import composition
        from daemon.services import listen
        from proto import myna_pb2_grpc as stubs

        checks = self._checks = health.aio.HealthServicer()
        servicers = composition.servicers(self)
        names = [*(f"myna.v1.{name}" for name in servicers), reflection.SERVICE_NAME, health.SERVICE_NAME]

        def furnish(server: grpc.aio.Server) -> grpc.aio.Server:
            health_pb2_grpc.add_HealthServicer_to_server(checks, server)
            for name, servicer in servicers.items():
                getattr(stubs, f"add_{name}Servicer_to_server")(servicer, server)
            reflection.enable_server_reflection(names, server)
            return server

        async def local() -> grpc.aio.Server:
            server = furnish(listen.unix_server(self.keeper))
            listen.bind_unix(server, socket_path(self.home))
            await server.start()
            return server

        self._local = local
        servers.append(await local())
        for server in outside:
            await furnish(server).start()
            servers.append(server)
        for name in ("", *names):
            await checks.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def _keep_socket(self, servers: list[grpc.aio.Server]) -> None:
        from daemon.services import socket_keeper

        try:
            await socket_keeper.keep(socket_path(self.home), servers, self._local, self.lock)
        except AlreadyRunning as error:
            log.critical("run/ was deleted, and another mynad started meanwhile; this one ends. %s", error)
            self.failed = True
            self.end()

    async def _close(self, servers: list[grpc.aio.Server]) -> None:
        from daemon.machine import patience
        from daemon.services import listen

        if servers:
            await self._checks.enter_graceful_shutdown()
        # who asks meanwhile is answered: how far it is, or an impatient `myna down --now`
        await self.scheduler.close(0.0 if self._now else self.settings.stop_grace)
        await self.energy.try_look()  # what the last seconds took is written, too
        await self.speech.close()
        await self.notices.farewell(fell=self.failed, hurry=self._now)
        for server in servers:
            self._tasks.append(asyncio.create_task(server.stop(LEAVE)))
        for task in self._tasks:
            if task.get_name() in ENDLESS:
                task.cancel()
        await asyncio.wait(self._tasks, timeout=LEAVE + 3)
        self.launcher.close()
        for part in (self.store.close, self.logs.flush):
            await asyncio.to_thread(part)
        await patience.close(self.gpu)
        if servers:
            listen.remove_socket(socket_path(self.home))


async def serve(home: Path, settings: Settings, launcher: Launcher, lock: Lock) -> bool:
    """Run a mynad in this event loop until SIGTERM, SIGINT or System.Shutdown. True: it ended in order."""
    daemon = Daemon(home, settings, launcher)
    daemon.lock = lock
    loop = asyncio.get_running_loop()
    loop.set_default_executor(threads.whole(threads.BLOCKING, "myna-blocks"))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.end)
    await daemon.serve()
    return not daemon.failed


def main(argv: list[str] | None = None) -> None:
    """The command `mynad`: runs in the foreground. Exits 0 after an orderly end, 1 when a part of it fell over or
    another program held its database, 2 when it cannot start and trying again will not help."""
    parser = argparse.ArgumentParser(
        prog="mynad", description="Myna's daemon. Runs in the foreground; end it with Ctrl-C or `myna down`."
    )
    parser.add_argument("--home", type=Path, default=None, help="folder for all state (else $MYNA_HOME)")
    options = parser.parse_args(argv)
    home = (options.home or default_home()).expanduser().absolute()
    os.environ["MYNA_HOME"] = str(home)  # whoever asks the environment means this home, --home or not
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = (
        "0"  # we never fork beside gRPC, and its handlers would only get in the way
    )
    try:
        sys.exit(_run(home))
    except MynaError as error:
        print(f"mynad: {error}", file=sys.stderr)
        sys.exit(1 if isinstance(error, DatabaseHeld) else 2)


def _run(home: Path) -> int:
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = Lock(home)
    except OSError as error:
        raise MynaError(
            f"The folder {home} cannot be used: {error.strerror}.", "Set MYNA_HOME to a folder you can write."
        ) from None
    settings = configuration.load(home)
    log_to(home, settings.log_format)
    launcher = Launcher(home)
    memory.keep_together()  # after the launcher, whose workers have heaps as ever
    assert "grpc" not in sys.modules, "the launcher must be there before gRPC is"
    try:
        return 0 if asyncio.run(serve(home, settings, launcher, lock)) else 1
    finally:
        launcher.close()
        lock.release()


if __name__ == "__main__":
    main()
