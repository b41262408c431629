"""mynad: one asyncio process that owns the state and the GPU. Starts in under a second; torch and numpy never enter it.

`main` takes the lock, starts the launcher (before gRPC exists, because gRPC and fork do not mix) and runs `Daemon` until a signal or
System.Shutdown ends it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import importlib.util
import logging
import logging.handlers
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.errors import MynaError
from daemon.lock import Lock
from proto.home import home as default_home
from proto.home import socket_path

if TYPE_CHECKING:
    import grpc.aio

log = logging.getLogger("mynad")

SERVICES = (("jobs", "Jobs"), ("runs", "Runs"), ("voices", "Voices"), ("datasets", "Datasets"), ("speech", "Speech"), ("system", "System"))


class Daemon:
    """All there is in a running mynad; services and scheduler reach each other through it."""

    home: Path
    settings: Any
    store: Any
    events: Any
    points: Any
    scheduler: Any
    inbox: Any
    gpu: Any
    speech: Any
    logs: Any

    def __init__(self, home: Path) -> None:
        self.home = home
        self.started = datetime.now(UTC)
        self._ending = asyncio.Event()

    async def serve(self) -> None:
        """Listen, work until `end` is called, then leave in order."""
        server = await self._listen()
        log.info("ready: %s", socket_path(self.home))
        try:
            await self._ending.wait()
        finally:
            await server.stop(grace=2.0)
            with contextlib.suppress(FileNotFoundError):
                socket_path(self.home).unlink()

    def end(self) -> None:
        """Leave: running training checkpoints and goes back to the queue first."""
        self._ending.set()

    async def _listen(self) -> grpc.aio.Server:
        import grpc.aio
        from grpc_health.v1 import health, health_pb2, health_pb2_grpc
        from grpc_reflection.v1alpha import reflection

        from daemon.listen import remove_stale, unix_address
        from proto import myna_pb2_grpc as stubs

        path = socket_path(self.home)
        address = unix_address(path)
        remove_stale(path)
        server = grpc.aio.server()
        names = [reflection.SERVICE_NAME, health.SERVICE_NAME]
        checks = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(checks, server)
        for module, service in SERVICES:
            if importlib.util.find_spec(f"daemon.services.{module}") is None:
                continue
            servicer = getattr(importlib.import_module(f"daemon.services.{module}"), f"{service}Service")(self)
            getattr(stubs, f"add_{service}Servicer_to_server")(servicer, server)
            names.append(f"myna.v1.{service}")
        reflection.enable_server_reflection(names, server)
        before = os.umask(0o177)  # the socket is 0600 from its first moment
        try:
            server.add_insecure_port(address)
        finally:
            os.umask(before)
        await server.start()
        for name in ("", *names):
            await checks.set(name, health_pb2.HealthCheckResponse.SERVING)
        return server


def log_to(home: Path) -> None:
    """mynad's own log: `log/mynad.log` (five files of 5 MB) and stderr."""
    folder = home / "log"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    shape = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    for handler in (logging.handlers.RotatingFileHandler(folder / "mynad.log", maxBytes=5_000_000, backupCount=5), logging.StreamHandler()):
        handler.setFormatter(shape)
        logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.INFO)


async def serve(home: Path) -> None:
    """Run a mynad in this event loop until SIGTERM, SIGINT or System.Shutdown."""
    daemon = Daemon(home)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.end)
    await daemon.serve()


def main(argv: list[str] | None = None) -> None:
    """The command `mynad`: runs in the foreground. Exits 0 after an orderly end, 2 when it cannot start."""
    parser = argparse.ArgumentParser(prog="mynad", description="Myna's daemon. Runs in the foreground; end it with Ctrl-C or `myna down`.")
    parser.add_argument("--home", type=Path, default=None, help="folder for all state (else $MYNA_HOME)")
    options = parser.parse_args(argv)
    home = (options.home or default_home()).expanduser().absolute()
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = Lock(home)
        log_to(home)
        asyncio.run(serve(home))
        lock.release()
    except MynaError as error:
        sys.exit(_refuse(error))


def _refuse(error: MynaError) -> int:
    print(f"mynad: {error}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
