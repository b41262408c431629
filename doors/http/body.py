"""Reading what a caller sends, and noticing that it went away."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.types import Receive, Scope

from doors.http.errors import CLOSE, Problem, Refused

LARGEST = 1_000_000  #: bytes: 100,000 characters of any script, and as much again
PATIENCE = 20.0  #: seconds in which all of it must come


class Gone(Exception):
    """The caller went away."""


async def body(scope: Scope, receive: Receive, largest: int = LARGEST) -> bytes:
    """All of a request's body. Raises Refused for one that is too large or too slow, Gone."""
    headers: Mapping[bytes, bytes] = dict(scope["headers"])
    said = headers.get(b"content-length", b"")
    if said.isdigit() and (len(said) > 18 or int(said) > largest):
        raise _too_large(largest)
    parts, size = [], 0
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Gone
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > largest:
                    raise _too_large(largest)
                if not message.get("more_body"):
                    return b"".join(parts)
    except TimeoutError:
        sentence = f"The body did not come within {PATIENCE:.0f} s."
        raise Refused(Problem(408, sentence, "too_slow", headers=CLOSE)) from None


async def hung_up(receive: Receive) -> None:
    """Returns when the caller has gone; everything else that it sends is left alone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _too_large(largest: int) -> Refused:
    sentence = f"The body has more than {largest:,} bytes. Ask for the text in parts."
    return Refused(Problem(413, sentence, "too_large", headers=CLOSE))
