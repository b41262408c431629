"""The program (`python -m doors`): opens the doors that MYNA_DOORS tells of, and keeps them open until a signal, or the
end of the mynad that started it. Exits 0 after an orderly end, 2 when a door cannot be opened."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import ssl
import sys
from collections.abc import Collection

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # before grpc: what it would print, we say in words

from doors import settings
from doors.http import server as http
from doors.settings import Doors, Http
from doors.wyoming import server as wyoming
from doors.wyoming.server import WyomingDoor
from proto.client import AsyncClient, ClientError, connect_async
from sound.streams import Format, stream_encoder
from sound.tags import Tag

log = logging.getLogger("doors")

#: descriptor of the socket that mynad holds the other end of; its end is ours
MYNAD = 3


class CannotOpen(Exception):
    """A door; the text is a sentence for people."""


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        told = settings.read(os.environ[settings.VARIABLE])
        asyncio.run(_open(told))
    except (CannotOpen, ClientError) as error:
        print(f"doors: {error}", file=sys.stderr)
        return 2
    return 0


async def _open(told: Doors) -> None:
    ending = asyncio.Event()
    _end_with_mynad(ending, child=told.here)
    tasks: list[asyncio.Task[None]] = []
    at_wyoming: WyomingDoor | None = None
    async with connect_async(host="" if told.here else None) as client:
        if told.http is not None:
            server = _http(client, told.http)
            place = _bound(told.http.listen)
            _warm()
            tasks.append(asyncio.create_task(server.serve(sockets=[place])))
            kind = "https" if told.http.tls_cert else "http"
            log.info("The HTTP door is open at %s://%s/v1.", kind, _spelt(place))
        if told.wyoming is not None:
            place = _bound(told.wyoming.listen)
            at_wyoming = WyomingDoor(client, told.wyoming)
            await at_wyoming.open(place)
            log.info("The Wyoming door is open at %s.", _spelt(place))
        await until(ending, tasks)
        if told.http is not None:
            server.should_exit = True
        if at_wyoming is not None:
            await at_wyoming.close()
        if tasks:
            await asyncio.wait(tasks, timeout=http.LEAVE + 2)


async def until(ending: asyncio.Event, serving: Collection[asyncio.Task[None]]) -> None:
    """The end. Raises CannotOpen where a task that serves a door ends before: nobody would answer there any more."""
    end = asyncio.create_task(ending.wait())
    await asyncio.wait((end, *serving), return_when=asyncio.FIRST_COMPLETED)
    end.cancel()
    if ending.is_set():
        return
    for task in serving:
        if task.done():
            error = task.exception()
            log.error("The HTTP door's server ended", exc_info=error)
            raise CannotOpen(f"The HTTP door does not answer any more: {error or 'its server ended'}. Open it again.")


def _http(client: AsyncClient, told: Http) -> http.Server:
    """The HTTP door's server, its certificate read. Raises CannotOpen."""
    try:
        return http.server(client, told)
    except OSError as error:
        why = "they are no PEM files of one pair" if isinstance(error, ssl.SSLError) else error.strerror or str(error)
        files = f"tls_cert {told.tls_cert} and tls_key {told.tls_key}"
        raise CannotOpen(f"The HTTP door cannot use {files}: {why}. Set both to a certificate and its key.") from None


def _end_with_mynad(ending: asyncio.Event, *, child: bool) -> None:
    """Signals end us; of a child, mynad's end does, too: it is read from the socket that it holds."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    if not child:
        return

    def heard() -> None:
        if not link.recv(4096):
            loop.remove_reader(link)
            ending.set()

    link = socket.socket(fileno=MYNAD)
    link.setblocking(False)
    loop.add_reader(link, heard)


def _bound(listen: str) -> socket.socket:
    """A listening socket at "host:port" or "unix:PATH". Raises CannotOpen."""
    try:
        return wyoming.bound(listen.removeprefix("unix:")) if listen.startswith("unix:") else http.bound(listen)
    except OSError as error:
        why = error.strerror or str(error)
        hint = " See whether something else does." if error.errno == errno.EADDRINUSE else ""
        raise CannotOpen(f"It cannot listen on {listen}: {why}.{hint}") from None


def _spelt(place: socket.socket) -> str:
    if place.family is socket.AF_UNIX:
        return f"unix://{place.getsockname()}"
    host, port = place.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _warm() -> None:
    """An encoder's first use loads tables: better now than under the first caller's eyes."""
    for format in Format:
        encoder = stream_encoder(format, Tag())
        encoder.add(bytes(4 * 2400), 24_000)
        encoder.end()


if __name__ == "__main__":
    raise SystemExit(main())
