"""Where the Wyoming door listens."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from contextlib import suppress
from pathlib import Path

from doors.settings import Wyoming
from doors.wyoming.conversation import Conversation
from doors.wyoming.events import LINE
from doors.wyoming.voices import Voices
from proto.client import AsyncClient

log = logging.getLogger("doors.wyoming")

MOST_CONNECTIONS = 200
LEAVE = 5.0  #: seconds in which a caller must read what was sent to it, once its conversation is over


class WyomingDoor:
    """Open from `open` to `close`."""

    def __init__(self, mynad: AsyncClient, settings: Wyoming) -> None:
        self._mynad = mynad
        self._voices = Voices(mynad, settings)
        self._server: asyncio.Server | None = None
        self._conversations: set[asyncio.Task[None]] = set()

    async def open(self, where: socket.socket) -> None:
        """Listen on a socket."""
        make = asyncio.start_unix_server if where.family is socket.AF_UNIX else asyncio.start_server
        self._server = await make(self._talk, sock=where, limit=LINE)

    async def close(self) -> None:
        """No new callers; those there are hung up on."""
        if self._server is not None:
            self._server.close()
        for task in self._conversations:
            task.cancel()
        if self._conversations:
            await asyncio.wait(self._conversations, timeout=2.0)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._conversations) >= MOST_CONNECTIONS:
            writer.transport.abort()
            return
        self._conversations.add(task)
        try:
            await Conversation(self._mynad, self._voices, reader, writer).run()
        except Exception:
            log.exception("A conversation failed: this is a bug in Myna")
        finally:
            try:
                await hang_up(writer)
            finally:
                self._conversations.discard(task)  # last: a connection counts as long as it is there


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a connection: in good order where its caller reads within LEAVE what was sent, else at once."""
    try:
        writer.close()
        with suppress(OSError, TimeoutError):
            await asyncio.wait_for(writer.wait_closed(), LEAVE)
    finally:
        writer.transport.abort()


def bound(path: str) -> socket.socket:
    """A Unix socket that only its user can open. Raises OSError, also for a path that is not whole; what an earlier
    door left there is replaced."""
    place = Path(path)
    if not place.is_absolute() or "\0" in path:  # of "" the system would choose a name, and the mode be the folder's
        raise OSError(errno.EINVAL, "a Unix socket needs its whole path, such as unix:/run/myna/wyoming.sock")
    if place.is_socket():
        place.unlink()
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.bind(path)
        place.chmod(0o600)
        made.listen(128)
    except BaseException:
        made.close()
        raise
    made.setblocking(False)
    return made
