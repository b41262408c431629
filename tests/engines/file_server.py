"""A real HTTP server with files, and the faults that real ones have."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Faults:
    """What the server does wrong; all can be changed while it runs."""

    def __init__(self) -> None:
        self.break_after: list[int] = []  #: bytes after which each of the next answers breaks off
        self.refuse_ranges = False
        self.no_more_ranges = False  #: answers 416 to every range
        self.claims: int | None = None  #: the length that it tells
        self.statuses: list[int] = []  #: of the next answers
        self.drip_after: int | None = None  #: bytes after which an answer goes on byte by byte until `flow` is set
        self.flow, self.dripping = threading.Event(), threading.Event()


class Server:
    """Serves `files` at `url`; `asked` is what came: (path, Range header)."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.faults = files, Faults()
        self.asked: list[tuple[str, str]] = []
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that hangs up is no news
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def _handler(server) -> type[http.server.BaseHTTPRequestHandler]:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append((self.path, self.headers.get("Range", "")))
                faults = server.faults
                if faults.statuses:
                    self.send_error(faults.statuses.pop(0))
                    return
                content = server.files.get(self.path)
                if content is None:
                    self.send_error(404)
                    return
                start, ranged = 0, re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
                if ranged and not faults.refuse_ranges:
                    start = int(ranged[1])
                    if start >= len(content) or faults.no_more_ranges:
                        self.send_error(416)
                        return
                length = faults.claims if faults.claims is not None else len(content)
                self.send_response(206 if start else 200)
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{length - 1}/{length}")
                self.send_header("Content-Length", str(length - start))
                self.end_headers()
                body = content[start:]
                if faults.break_after:
                    body = body[: faults.break_after.pop(0)]
                if faults.drip_after is not None and len(body) > faults.drip_after and not faults.flow.is_set():
                    body = self.drip(body, faults.drip_after)
                self.wfile.write(body)
                self.close_connection = True

            def drip(self, body: bytes, start: int) -> bytes:
                """Send the beginning at once and then a byte now and then; returns what is left when the server may
                flow again."""
                self.wfile.write(body[:start])
                server.faults.dripping.set()
                while start < len(body) - 1 and not server.faults.flow.wait(0.02):
                    self.wfile.write(body[start : start + 1])
                    start += 1
                return body[start:]

            def log_message(self, *_: object) -> None: ...

        return Handler

    @contextmanager
    def up(self) -> Iterator[Server]:
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            thread.join()
