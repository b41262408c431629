"""Where doors listen."""

from __future__ import annotations

import asyncio
import socket

import pytest

from doors.http.server import bound
from doors.wyoming import server as wyoming

pytestmark = pytest.mark.integration


def test_what_is_sent_does_not_wait_for_an_acknowledgement() -> None:
    """With Nagle's algorithm, the first sound would wait some 40 ms behind the headers."""

    async def main() -> int:
        told: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            told.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        place = bound("127.0.0.1:0")
        async with await asyncio.start_server(talk, sock=place):
            _, writer = await asyncio.open_connection(*place.getsockname())
            writer.close()
            async with asyncio.timeout(10):
                return await told

    assert asyncio.run(main())


def test_who_never_reads_is_hung_up_on_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wyoming, "LEAVE", 0.1)

    async def main() -> int:
        told: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(bytes(20_000_000))
            await wyoming.hang_up(writer)
            told.set_result(writer.transport.get_write_buffer_size())

        place = bound("127.0.0.1:0")
        async with await asyncio.start_server(talk, sock=place):
            with socket.create_connection(place.getsockname()):
                async with asyncio.timeout(10):
                    return await told

    assert asyncio.run(main()) == 0
