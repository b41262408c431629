"""A mynad that is slow to say anything, since the machine is busy, is no mynad that does not answer."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from pathlib import Path

import pytest
from living_daemon import Living, lived

from proto.channel import ClientError, socket_path
from proto.client_async import connect_async

pytestmark = pytest.mark.integration
#: seconds that mynad gets no turn: many times what a connection takes otherwise
STARVED = 1.0


async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):  # as either end may leave
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


def test_a_mynad_that_gets_no_turn_for_a_second_is_waited_for(tmp_path: Path) -> None:
    """The client's first connection waits at a socket behind which mynad comes to life late."""
    before = socket_path(tmp_path / "before")
    before.parent.mkdir(parents=True)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(before))
    listening.listen()

    async def life(living: Living) -> None:
        async with connect_async(home=tmp_path / "before") as client:
            asked = asyncio.create_task(client.voice("anna"))
            done, _ = await asyncio.wait((asked,), timeout=STARVED)
            assert not done, asked.exception()
            near, _ = await asyncio.to_thread(listening.accept)
            from_client, to_client = await asyncio.open_unix_connection(sock=near)
            from_mynad, to_mynad = await asyncio.open_unix_connection(socket_path(living.daemon.home))
            pumps = asyncio.gather(passed_on(from_client, to_mynad), passed_on(from_mynad, to_client))
            assert (await asyncio.wait_for(asked, 20)).name == "anna"
        await pumps

    lived(tmp_path / "home", life)
    listening.close()


def test_where_there_is_none_that_is_said_at_once(tmp_path: Path) -> None:
    async def ask() -> float:
        began = asyncio.get_running_loop().time()
        async with connect_async(home=tmp_path) as client:
            with pytest.raises(ClientError, match="No daemon is running"):
                await client.voice("anna")
        return asyncio.get_running_loop().time() - began

    assert asyncio.run(ask()) < STARVED
