"""Samples as 16-bit numbers, and the header of a WAV file."""

from __future__ import annotations

import array
import struct
import sys

UNKNOWN = 0xFFFFFFFF  #: what a header says of a length that only the end will show (players read on to the end)


def header(rate: int, length: int = UNKNOWN, info: bytes = b"") -> bytes:
    """What is before the samples of a 16-bit mono WAV at `rate` Hz: 44 bytes, and before the last eight of them the
    chunk `info`; `length` in bytes."""
    whole = UNKNOWN if length == UNKNOWN else length + 36 + len(info)
    form = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", whole, b"WAVE", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16)
    return form + info + struct.pack("<4sI", b"data", length)


def pcm16(samples: bytes) -> bytes:
    """Little-endian float32 in -1…1 as little-endian 16-bit; what is louder is cut off, what is no number is
    silence."""
    floats = array.array("f", samples)
    if sys.byteorder == "big":
        floats.byteswap()
    whole = array.array("h", (round(max(-1.0, min(1.0, value)) * 32767) if value == value else 0 for value in floats))
    if sys.byteorder == "big":
        whole.byteswap()
    return whole.tobytes()
