"""The server of the HTTP door: uvicorn, with bounds on strangers: how long a connection may say or read nothing, how
large headers may be, how many connections there are."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from doors.http.app import application
from doors.settings import Http
from proto.client import AsyncClient

MOST_CONNECTIONS = 500
HEADERS = 16_384  #: bytes of a request's headers
HEADERS_WITHIN = 10.0  #: seconds from a connection's beginning, or its last answer, to the end of the next headers
UNREAD = 60.0  #: seconds a caller may leave what was sent unread
KEEP_ALIVE = 30  #: seconds a connection stays open between two requests
LEAVE = 2  #: seconds that requests under way get at the end


class Guarded(H11Protocol):
    """A connection that is closed when no request comes of it in time."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._patience: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
            return
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def pause_writing(self) -> None:
        """What was sent waits to be read."""
        super().pause_writing()
        self._unread = self._unread or self.loop.call_later(UNREAD, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._is_read()

    def timeout_keep_alive_handler(self) -> None:
        self.transport.abort()  # closing would wait until all that was sent is read

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        self._is_read()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Where no request is under way, whatever comes in pieces must be one soon."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._forget()
        elif self._patience is None and not self.transport.is_closing():
            self._patience = self.loop.call_later(HEADERS_WITHIN, self._close)

    def _forget(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _is_read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _close(self) -> None:
        self._patience = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()


class Server(uvicorn.Server):
    """Ends when it is told to; signals are the program's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def server(mynad: AsyncClient, settings: Http) -> Server:
    """Not yet started: `serve(sockets=[…])` does. Raises OSError for a certificate and a key that cannot be read, its
    kind ssl.SSLError for those that are none."""
    for name in ("uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what callers do wrong is not worth a line each
    config = uvicorn.Config(
        application(mynad, settings),
        http=Guarded,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=HEADERS,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=LEAVE,
        ssl_certfile=settings.tls_cert or None,
        ssl_keyfile=settings.tls_key or None,
    )
    config.load()
    return Server(config)


def bound(listen: str) -> socket.socket:
    """A socket that listens on "host:port". Raises OSError."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # the protocol is named, since asyncio sets TCP_NODELAY only then: without it the first sound waits 40 ms
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, int(port)))
        made.listen(128)
    except BaseException:
        made.close()
        raise
    made.setblocking(False)
    return made
