"""Services that notices are sent to, as real servers on this machine: plain HTTP, and mail."""

from __future__ import annotations

import asyncio
import email
import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Got:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def key(self) -> str:
        return self.headers["X-Myna-Notice"]

    @property
    def ids(self) -> list[int]:
        """Numbers of the notices in it."""
        return [one["id"] for one in self.body["notices"]]


@dataclass
class Receiver:
    """A web service. `answer` gives the status of the next answer, and may take its time; None: no answer at all."""

    port: int = 0
    answer: Callable[[], int | None] = lambda: 200
    all: list[Got] = field(default_factory=list)
    _next: queue.Queue[Got] = field(default_factory=queue.Queue)

    def url(self, path: str = "hook") -> str:
        return f"json://127.0.0.1:{self.port}/{path}"

    def next(self, seconds: float = 30.0) -> Got:
        """The next request, waited for."""
        return self._next.get(timeout=seconds)

    async def coming(self, seconds: float = 30.0) -> Got:
        return await asyncio.to_thread(self.next, seconds)

    def nothing(self) -> bool:
        return self._next.empty()


@contextmanager
def receiver(port: int = 0) -> Iterator[Receiver]:
    """A web service for the length of the block."""
    there = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            got = Got(self.path, dict(self.headers), body)
            there.all.append(got)
            there._next.put(got)
            if (status := there.answer()) is None:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # whoever asked was killed

    server = Server(("127.0.0.1", port), Handler)
    there.port = server.server_port
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    serving.start()
    try:
        yield there
    finally:
        server.shutdown()
        server.server_close()
        serving.join()


@dataclass
class Mailbox:
    """A mail server. `refuse`: its answer to a mail, instead of taking it."""

    port: int = 0
    refuse: str = ""
    _next: queue.Queue[Message] = field(default_factory=queue.Queue)

    def url(self) -> str:
        return f"mailto://127.0.0.1:{self.port}/?from=myna@box.example&to=anna@box.example&mode=insecure"

    def next(self, seconds: float = 30.0) -> Message:
        return self._next.get(timeout=seconds)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.refuse:
            return self.refuse
        assert isinstance(envelope.content, bytes)
        self._next.put(email.message_from_bytes(envelope.content))
        return "250 taken"


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """A mail server for the length of the block."""
    box = Mailbox()
    with receiver() as spare:  # a port that is free
        port = spare.port
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    box.port = port
    try:
        yield box
    finally:
        controller.stop()
