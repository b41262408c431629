"""Strangers at both doors: nothing they send is a 5xx or a traceback, nobody else waits for it, nothing grows."""

from __future__ import annotations

import asyncio
import json
import random
import re
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing

import httpx
import pytest

from benchmarks.made.strangers import bodies, heads, wyoming_events
from tests.doors.opened import Opened
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration

REQUESTS = 200
SOON = 0.15  #: seconds in which answers come
DELAYED = 1.0  #: seconds another caller may wait beside them (on a machine that has other things to do)
GROWTH = 40_000_000  #: bytes
GOOD = {"model": "tts-1", "input": "One.", "voice": "anna", "response_format": "pcm"}


def raw(opened: Opened, data: bytes) -> bytes:
    """What comes back for these bytes, until the connection is closed. Where nothing does soon, it waits for more, and
    is told that there is none (told at once, it would take that for a hanging up)."""
    came = b""
    with socket.create_connection(("127.0.0.1", opened.port), timeout=SOON) as link:
        try:
            link.sendall(data)
            while True:
                try:
                    part = link.recv(65_536)
                except TimeoutError:
                    link.settimeout(15)
                    link.shutdown(socket.SHUT_WR)
                    continue
                if not part:
                    break
                came += part
        except ConnectionError:
            pass
    return came


def status(answer: bytes) -> int:
    """0: the connection was closed without an answer."""
    found = re.match(rb"HTTP/1\.1 (\d{3})", answer)
    return int(found[1]) if found else 0


def test_hundreds_of_hostile_requests(opened: Opened, client: httpx.Client) -> None:
    chance = random.Random(16)
    before, slowest = opened.memory(), 0.0
    wrong, answers = [], Counter[int]()
    for number in range(REQUESTS):
        data = chance.choice((heads, bodies))(chance)
        answer = raw(opened, data)
        answers[status(answer)] += 1
        if status(answer) >= 500 or b"Traceback" in answer:
            wrong.append((data[:200], answer[:200]))
        if number % 20 == 0:
            began = time.monotonic()
            assert client.post("/v1/audio/speech", json=GOOD).status_code == 200
            slowest = max(slowest, time.monotonic() - began)
    assert wrong == []
    assert {200, 400, 404, 405} <= answers.keys(), answers
    assert slowest < DELAYED
    assert opened.memory() - before < GROWTH
    assert not any("Traceback" in line for line in opened.said), list(opened.said)


def test_half_open_connections_delay_nobody(opened: Opened, client: httpx.Client) -> None:
    with ExitStack() as held:
        for number in range(100):
            link = held.enter_context(closing(socket.create_connection(("127.0.0.1", opened.port), timeout=5)))
            if number % 2:
                link.sendall(b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Le")
        began = time.monotonic()
        assert client.post("/v1/audio/speech", json=GOOD).status_code == 200
        assert time.monotonic() - began < DELAYED


@pytest.fixture(scope="module")
def impatient(stage: Stage) -> Iterator[Opened]:
    """Doors whose bounds on time are short."""
    bounds = "import doors.http.server as s, doors.http.body as b, doors.wyoming.events as w\n"
    bounds += "s.HEADERS_WITHIN, s.UNREAD, b.PATIENCE, w.WITHIN, w.IDLE = 0.3, 0.3, 0.3, 0.3, 0.6\n"
    made = Opened(stage.home, before=bounds, http={"listen": "127.0.0.1:0"}, wyoming={"listen": "127.0.0.1:0"})
    yield made
    made.close()


@pytest.mark.parametrize("begin", [b"", b"GET /heal", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: "])
def test_who_sends_no_request_is_hung_up_on(impatient: Opened, begin: bytes) -> None:
    with socket.create_connection(("127.0.0.1", impatient.port), timeout=10) as link:
        link.sendall(begin)
        assert link.recv(100) == b""


def test_a_slow_second_request_is_hung_up_on_too(impatient: Opened) -> None:
    with socket.create_connection(("127.0.0.1", impatient.port), timeout=10) as link:
        link.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        came = b""
        while b'"ok"' not in came:
            came += link.recv(1000)
        link.sendall(b"GET /healthz HTT")
        assert link.recv(1000) == b""


def test_a_body_that_does_not_come_is_408(impatient: Opened) -> None:
    head = b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
    with socket.create_connection(("127.0.0.1", impatient.port), timeout=10) as link:
        link.sendall(head)
        answer = b""
        while part := link.recv(65_536):
            answer += part
    assert status(answer) == 408
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "too_slow"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[" * 100_000, 400),
        (b'{"input":' * 50, 400),
        (b'{"speed": NaN}', 400),
        (b"\xff\xfe", 400),
        (b"[]", 400),
        (b"", 400),
    ],
)
def test_bodies_that_are_no_object(client: httpx.Client, body: bytes, code: int) -> None:
    answer = client.post("/v1/audio/speech", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (code, "invalid_json")


def test_a_string_without_an_end_is_read_in_no_time(client: httpx.Client) -> None:
    began = time.monotonic()
    answer = client.post("/v1/audio/speech", content=b'"' + b'\\"' * 499_000)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_json")
    assert time.monotonic() - began < DELAYED


def test_too_large_bodies_are_not_read(opened: Opened) -> None:
    """0: it was closed while we still sent."""
    head = b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\n"
    part = b"40000\r\n" + b" " * 0x40000 + b"\r\n"
    assert status(raw(opened, head + b"Content-Length: 99999999999\r\n\r\n")) == 413
    assert status(raw(opened, head + b"Transfer-Encoding: chunked\r\n\r\n" + part * 5)) in (413, 0)
    long = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 70_000 + b"\r\n\r\n"
    assert status(raw(opened, long)) in (400, 431, 0)


def test_more_callers_than_there_is_room_for_are_told_when_to_come_again(stage: Stage) -> None:
    made = Opened(stage.home, http={"listen": "127.0.0.1:0", "most_at_once": 2})
    try:
        with httpx.Client(base_url=made.http, timeout=20, trust_env=False) as client, ExitStack() as held:
            for _ in range(2):
                body = {**GOOD, "input": "slowly"}
                held.enter_context(client.stream("POST", "/v1/audio/speech", json=body))
            refused = client.post("/v1/audio/speech", json=GOOD)
            assert (refused.status_code, refused.json()["error"]["type"]) == (429, "rate_limit_error")
            assert int(refused.headers["retry-after"]) >= 1
            held.close()
            for _ in range(100):
                if client.post("/v1/audio/speech", json=GOOD).status_code == 200:
                    break
            else:
                pytest.fail("a place that was left stays taken")
    finally:
        made.close()


def test_hostile_wyoming_events(opened: Opened) -> None:
    host, _, port = opened.wyoming.removeprefix("tcp://").rpartition(":")
    chance = random.Random(17)
    before = opened.memory()

    async def one(data: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(data)
            await writer.drain()
            writer.write_eof()
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()

    async def main() -> None:
        for _ in range(REQUESTS // 10):
            async with asyncio.timeout(30):
                answers = await asyncio.gather(*(one(wyoming_events(chance)) for _ in range(10)))
            assert not any(b"Traceback" in answer for answer in answers)

    asyncio.run(main())
    assert opened.memory() - before < GROWTH
    assert not any("Traceback" in line or "bug" in line for line in opened.said), list(opened.said)


@pytest.mark.parametrize(
    "event",
    [
        b'{"type": "synthesize", "data": {"text": "One.", "voice": {"name": "ann\\ud800"}}}',
        b'{"type": "synthesize", "data": {"text": "One.", "voice": {"language": "\\ud800"}}}',
        b'{"type": "synthesize", "data": {"text": "\\ud800"}}',
        b'{"type": "ping", "data": {"text": "\\ud800"}}',
    ],
)
def test_half_a_character_in_a_wyoming_event_is_an_error(opened: Opened, event: bytes) -> None:
    host, _, port = opened.wyoming.removeprefix("tcp://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as link:
        link.sendall(event + b"\n")
        came = b""
        while part := link.recv(65_536):
            came += part
    assert b'"type": "error"' in came
    assert b"INVALID_ARGUMENT" in came
    assert not any("bug" in line for line in opened.said), list(opened.said)


def test_who_reads_nothing_is_hung_up_on_and_frees_the_engine(impatient: Opened, stage: Stage) -> None:
    before = stage.speech.hung_up
    stage.speech.sound = bytes(40_000_000)
    body = json.dumps({**GOOD, "input": "slowly and at length"}).encode()
    head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    try:
        with socket.create_connection(("127.0.0.1", impatient.port), timeout=10) as link:
            link.sendall(head + body)
            assert stage.speech.wait_hung_up(before + 1, 20)
    finally:
        stage.speech.sound = b""


def test_who_listens_is_not_idle(impatient: Opened, stage: Stage) -> None:
    """A long text takes minutes to speak, in which a caller has nothing to say."""
    host, _, port = impatient.wyoming.removeprefix("tcp://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=2.0) as link:
        link.sendall(b'{"type": "synthesize", "data": {"text": "later"}}\n')
        try:
            with pytest.raises(TimeoutError):
                link.recv(1000)  # three times the bound on idleness
        finally:
            stage.speech.go_on.set()
        link.settimeout(10)
        came = b""
        while part := link.recv(65_536):
            came += part
    stage.speech.go_on.clear()
    assert b"audio-stop" in came, "and when all is spoken, who says no more is hung up on"


def test_a_slow_wyoming_event_is_hung_up_on(impatient: Opened) -> None:
    host, _, port = impatient.wyoming.removeprefix("tcp://").rpartition(":")
    for begin in (b"", b'{"type": "desc'):
        with socket.create_connection((host, int(port)), timeout=10) as link:
            link.sendall(begin)
            while link.recv(1000):
                pass  # an error, and then the end
