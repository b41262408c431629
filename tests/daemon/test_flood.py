"""Who has no token cannot make mynad big: not by bodies, nor by streams that never end, nor by connections that say
nothing."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio
import psutil
import pytest
from certificates import Authority, Pair
from test_main import free_port, mynad

from proto.client import Client, connect

pytestmark = pytest.mark.integration
TOKEN = "0123456789abcdef0123456789abcdef"
MOST = 200e6  #: bytes that mynad may have in memory at any moment
NEAR = 25e6  #: bytes above what it had before, when all is over
BODY = b"\x0a" + bytes(30_000_000)


@dataclass(frozen=True)
class Target:
    """A mynad on TCP."""

    process: psutil.Process
    client: Client  #: of somebody with the token
    port: int
    authority: Path

    @property
    def memory(self) -> int:
        return int(self.process.memory_info().rss)

    def until_small(self, limit: float, seconds: float = 20.0) -> None:
        """Wait until it has given memory back, with nobody asking it anything."""
        end = time.monotonic() + seconds
        while self.memory > limit:
            assert time.monotonic() < end, f"{self.memory / 1e6:.0f} MB, and not {limit / 1e6:.0f}"
            with suppress(psutil.TimeoutExpired):
                self.process.wait(0.05)


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    authority = Authority(tmp_path / "authority", "tests")
    pair: Pair = authority.sign("localhost")
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    port = free_port()
    files = {"MYNA_TLS_CERT": str(pair.cert), "MYNA_TLS_KEY": str(pair.key), "MYNA_TOKEN_FILE": str(token)}
    with (
        mynad(tmp_path / "home", MYNA_LISTEN=f"localhost:{port}", **files) as (process, _),
        connect(host=f"localhost:{port}", token=TOKEN, tls_ca=authority.own.cert) as client,
    ):
        client.info()
        yield Target(psutil.Process(process.pid), client, port, authority.own.cert)


@asynccontextmanager
async def watched(target: Target) -> AsyncIterator[Callable[[], int]]:
    """The most memory that it had since the block began."""
    most = target.memory

    async def look() -> None:
        nonlocal most
        while True:
            most = max(most, target.memory)
            await asyncio.sleep(0.01)  # a sampler: nobody waits for it

    looking = asyncio.create_task(look())
    yield lambda: most
    looking.cancel()


def test_bodies_of_callers_without_the_token_are_not_read(target: Target) -> None:
    async def one(number: int, few: asyncio.Semaphore) -> str:
        trust = grpc.ssl_channel_credentials(target.authority.read_bytes())
        options = (("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1))
        who = (("authorization", "Bearer a guess"),) if number % 2 else ()
        async with few, grpc.aio.secure_channel(f"localhost:{target.port}", trust, options) as channel:
            try:
                await channel.unary_unary("/myna.v1.Jobs/Submit")(BODY, timeout=60, metadata=who)
            except grpc.aio.AioRpcError as error:
                return error.code().name
        return "OK"

    async def flood() -> None:
        few = asyncio.Semaphore(10)  # bounds the memory of this test
        async with watched(target) as most:
            codes = await asyncio.gather(*(one(number, few) for number in range(30)))
        assert set(codes) == {"UNAUTHENTICATED"}
        assert most() < MOST

    before = target.memory
    asyncio.run(flood())
    log = Path(target.client.info().home, "log", "mynad.log").read_text()
    assert log.count("because of a wrong or missing token") == 1, "thirty callers are one line"
    assert "a guess" not in log
    target.until_small(before + NEAR)


@pytest.mark.long
def test_streams_that_never_end_and_silent_connections_cost_little_and_mynad_answers_meanwhile(target: Target) -> None:
    trust = ssl.create_default_context(cafile=str(target.authority))
    trust.set_alpn_protocols(["h2"])
    before = target.memory
    with ExitStack() as opened:
        for _ in range(300):
            opened.enter_context(socket.create_connection(("localhost", target.port)))
        lines = []
        for _ in range(100):
            plain = opened.enter_context(socket.create_connection(("localhost", target.port)))
            line = opened.enter_context(trust.wrap_socket(plain, server_hostname="localhost"))
            line.sendall(PREFACE + b"".join(unended(stream) for stream in range(1, 100, 2)))
            lines.append(line)
        assert all(refusals(line, 50) for line in lines)
        began = time.monotonic()
        assert target.client.info()
        assert time.monotonic() - began < 5.0
        assert target.memory < MOST
    target.until_small(before + NEAR)


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
HEADERS = {
    ":method": "POST", ":scheme": "https", ":path": "/myna.v1.Jobs/Submit", ":authority": "localhost", "te": "trailers",
    "content-type": "application/grpc",
}  # fmt: skip


def unended(stream: int) -> bytes:
    """HTTP/2 frames of a call that says it brings 16 MB, and of the first of its bytes."""
    headers = b"".join(
        bytes([0, len(name)]) + name.encode() + bytes([len(value)]) + value.encode() for name, value in HEADERS.items()
    )
    data = b"\0\x01\0\0\0" + bytes(1_000)
    number = stream.to_bytes(4, "big")
    return (
        len(headers).to_bytes(3, "big")
        + b"\x01\x04"
        + number
        + headers
        + len(data).to_bytes(3, "big")
        + b"\0\0"
        + number
        + data
    )


def refusals(line: ssl.SSLSocket, count: int) -> bool:
    """Whether so many calls were answered: each by a frame of headers."""
    line.settimeout(20.0)
    frames = line.makefile("rb")
    while count:
        head = frames.read(9)
        frames.read(int.from_bytes(head[:3], "big"))
        count -= head[3] == 1
    return True
