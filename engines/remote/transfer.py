"""Asking a provider over HTTP: tried again before the first sound where that may help, and given up at once when
whoever asked hangs up.

One thread: the transfer stands still while nobody takes what came, and while it waits the engine's `interruption.check`
is called many times a second."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx

from engines import interruption
from engines.errors import EngineError
from engines.remote import trouble
from engines.remote.trouble import Trouble

T = TypeVar("T")

#: Seconds: to be connected, to send, and between two pieces of an answer (the first takes longest).
TIMEOUT = httpx.Timeout(connect=10.0, write=30.0, read=60.0, pool=10.0)
#: Seconds before it is tried again, each time; a random part of as much comes on top, so that not all come at once.
BACK_OFF = (0.5, 1.0, 2.0, 4.0)
PATIENCE = 30.0  #: seconds that are waited at most where a provider says for how long
POLL = 0.05  #: seconds between two looks whether anybody still wants it
#: Types of answers that are no bare samples, whatever their first bytes.
NO_SAMPLES = ("application/json", "audio/mpeg", "audio/mp3", "audio/ogg", "audio/flac", "audio/aac")
REFUSAL = 10_000  #: bytes that are read of an answer that is none


@dataclass(frozen=True)
class Call:
    """A request for speech."""

    url: str
    headers: Mapping[str, str] = field(repr=False)  #: the key is among them
    body: bytes = field(repr=False)


#: What an answer that is no sound means: of (status, its first bytes).
Explain = Callable[[int, bytes], Trouble]


class Line:
    """To one provider, for the length of a `with` block: one connection for all pieces of a text."""

    def __init__(self, name: str, base_url: str, back_off: tuple[float, ...] = BACK_OFF) -> None:
        self._name, self._back_off = name, back_off
        self._loop = asyncio.new_event_loop()
        # a proxy of the environment leads out of this machine, and what is on it is not asked by that way
        self._client = httpx.AsyncClient(timeout=TIMEOUT, trust_env=not is_here(base_url), follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(Exception):
            self._loop.run_until_complete(self._client.aclose())
        self._loop.close()

    def sound(self, call: Call, explain: Explain, taken: Callable[[], None]) -> Generator[bytes]:
        """Bytes of the answer, as they come. `taken` is called when the provider has taken a request. Raises
        EngineError with one sentence; whatever `interruption.check` raises."""
        answer, first, body = self._answered(call, explain, taken)
        try:
            yield first
            while True:
                try:
                    more = self._do(_next(body))
                except httpx.HTTPError:
                    raise EngineError(
                        f"{self._name} broke off before the end.",
                        "Ask again: what was heard whole is not paid for twice.",
                    ) from None
                if more is None:
                    return
                yield more
        finally:
            with suppress(Exception):
                self._loop.run_until_complete(answer.aclose())

    def _answered(
        self, call: Call, explain: Explain, taken: Callable[[], None]
    ) -> tuple[httpx.Response, bytes, AsyncIterator[bytes]]:
        """The answer, its first bytes (none: it has no sound), and what follows them."""
        for pause in (*self._back_off, None):
            answer: httpx.Response | None = None
            try:
                answer = self._do(self._client.send(self._request(call), stream=True))
                if answer.status_code == 200:
                    taken()
                    self._check_type(answer)
                    body = answer.aiter_bytes()
                    first = self._do(_next(body))
                    return answer, first or b"", body
                found = explain(answer.status_code, self._do(_start(answer)))
                found = Trouble(found.reason, found.status, found.said, wanted_pause(answer.headers))
                problem = trouble.error(self._name, found)
                if not found.reason.passes or found.after > PATIENCE:
                    raise problem
                wait = max(found.after, _pause(pause))
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                problem = trouble.unreachable(self._name, _why(error))
                wait = _pause(pause)
            except BaseException:
                self._let_go(answer)
                raise
            self._let_go(answer)
            if pause is None:
                raise problem
            self._wait(wait)
        raise AssertionError("the last try raises")

    def _wait(self, seconds: float) -> None:
        self._do(asyncio.sleep(seconds))

    def _check_type(self, answer: httpx.Response) -> None:
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind in NO_SAMPLES or kind.startswith("text/"):
            raise EngineError(
                f"{self._name} answered with {kind} and not with bare samples.",
                f"base_url of [remote.{self._name}] must lead to a server that knows the format that is asked for.",
            )

    def _request(self, call: Call) -> httpx.Request:
        headers = {**call.headers, "Accept-Encoding": "identity"}  # sound hardly gets smaller, and comes at once so
        return self._client.build_request("POST", call.url, headers=headers, content=call.body)

    def _let_go(self, answer: httpx.Response | None) -> None:
        if answer is not None and not answer.is_closed:
            with suppress(Exception):
                self._loop.run_until_complete(answer.aclose())

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for it. Raises what it raises, and what `interruption.check` does; then it is cancelled."""
        task = self._loop.create_task(work)
        try:
            while not self._loop.run_until_complete(asyncio.wait((task,), timeout=POLL))[0]:
                interruption.check()
        except BaseException:
            task.cancel()
            self._loop.run_until_complete(asyncio.wait((task,)))
            raise
        return task.result()


def is_here(url: str) -> bool:
    """Whether an address is of this machine."""
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")


def wanted_pause(headers: Mapping[str, str], clock: Callable[[], float] = time.time) -> float:
    """Seconds of a Retry-After header, which has either those or a date; 0: there is none, or none that can be read."""
    given = headers.get("retry-after", "").strip()
    if given.isascii() and given.isdecimal():
        return float(given[:9])
    with suppress(ValueError, TypeError):
        when = parsedate_to_datetime(given)
        return max(0.0, (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - clock())
    return 0.0


def _pause(least: float | None) -> float:
    return least + random.uniform(0, least) if least is not None else 0.0


async def _next(body: AsyncIterator[bytes]) -> bytes | None:
    """The next bytes that are some; None: there are no more."""
    async for more in body:
        if more:
            return more
    return None


async def _start(answer: httpx.Response) -> bytes:
    """Its first bytes: enough of a refusal."""
    read = b""
    async for more in answer.aiter_bytes():
        read += more
        if len(read) >= REFUSAL:
            break
    return read[:REFUSAL]


def _why(error: Exception) -> str:
    """What is the matter, without an address or a header in it."""
    match error:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return "nobody answered in time"
        case httpx.TimeoutException():
            return "it did not go on"
        case httpx.ConnectError():
            return "there is no connection"
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return "its address is none"
    return "the connection broke off"
