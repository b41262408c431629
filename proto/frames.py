"""Length-delimited protobuf messages over a socket: 4 bytes big-endian length, then the message.

Used between daemon and worker, where stdout would be no place for data. A frame over `LIMIT` is refused on both sides:
it can only be a broken peer.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TypeVar

from google.protobuf.message import Message

LENGTH = struct.Struct(">I")
LIMIT = 256 * 1024 * 1024  #: bytes

M = TypeVar("M", bound=Message)


def pack(message: Message) -> bytes:
    """One frame."""
    body = message.SerializeToString()
    if len(body) > LIMIT:
        raise ValueError(f"a frame of {len(body)} bytes is over the limit of {LIMIT}")
    return LENGTH.pack(len(body)) + body


def read(receive: Callable[[int], bytes], kind: type[M]) -> M | None:
    """Read one frame with `receive(n) -> at most n bytes` (a blocking socket's recv). None at a clean end of stream."""
    head = _exactly(receive, LENGTH.size)
    if head is None:
        return None
    (size,) = LENGTH.unpack(head)
    if size > LIMIT:
        raise ValueError(f"a frame of {size} bytes is over the limit of {LIMIT}")
    body = _exactly(receive, size) if size else b""
    if body is None:
        return None
    return kind.FromString(body)


def _exactly(receive: Callable[[int], bytes], size: int) -> bytes | None:
    parts: list[bytes] = []
    while size:
        part = receive(min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
