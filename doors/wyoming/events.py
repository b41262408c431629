"""Events of Wyoming as they come from strangers: a line of JSON, then data and payload whose lengths it tells. The
package's own reader takes what it is told at its word; here everything has bounds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from wyoming.event import Event

LINE = 65_536  #: bytes of the first line
LARGEST_DATA = 1_000_000  #: bytes
LARGEST_PAYLOAD = 1_000_000  #: bytes; no event that is understood here has one
IDLE = 300.0  #: seconds in which nothing need come and nothing be spoken
WITHIN = 20.0  #: seconds in which the rest of an event must come


class BadEvent(ValueError):
    """It cannot be read. Its text is a sentence for people."""


async def read(reader: asyncio.StreamReader, silent: Callable[[], float]) -> Event | None:
    """The next event; None at the end, also when nothing came and nothing was spoken for too long: `silent` tells for
    how many seconds nothing has been spoken. Raises BadEvent."""
    first = await _first(reader, silent)
    if not first:
        return None
    try:
        async with asyncio.timeout(WITHIN):
            return await _rest(first, reader)
    except TimeoutError:
        raise BadEvent(f"An event did not come whole within {WITHIN:.0f} s.") from None
    except asyncio.IncompleteReadError:
        return None


async def _first(reader: asyncio.StreamReader, silent: Callable[[], float]) -> bytes:
    """The first byte of an event; none at the end."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while (left := IDLE - min(loop.time() - began, silent())) > 0:
        with suppress(TimeoutError):
            async with asyncio.timeout(left):
                return await reader.read(1)
    return b""


async def _rest(first: bytes, reader: asyncio.StreamReader) -> Event:
    try:
        line = first if first == b"\n" else first + await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError:
        raise BadEvent(f"The first line of an event has more than {LINE:,} bytes.") from None
    head = _object(line)
    data = head.get("data") or {}
    if length := _length(head, "data_length", LARGEST_DATA):
        more = _object(await reader.readexactly(length))
        data = {**data, **more} if isinstance(data, dict) else more
    if length := _length(head, "payload_length", LARGEST_PAYLOAD):
        await reader.readexactly(length)
    kind = head.get("type")
    if not isinstance(kind, str) or not isinstance(data, dict):
        raise BadEvent("An event has no type, or its data is no object.")
    return Event(kind, data)


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise BadEvent("An event is not JSON.") from None
    if not isinstance(found, dict):
        raise BadEvent("An event is not a JSON object.")
    return found


def _length(head: dict[str, Any], name: str, most: int) -> int:
    given = head.get(name)
    if given is None:
        return 0
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= most:
        raise BadEvent(f"{name} must be a whole number from 0 to {most:,}.")
    return given
