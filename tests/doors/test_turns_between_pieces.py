"""A long stretch of speech that is there at once goes out in pieces: others have their turn between two, and a caller
who went is noticed before the rest is encoded."""

from __future__ import annotations

import asyncio
import json

import pytest

from doors.http.asked import asked
from doors.http.speech import PIECE, _Out
from proto import myna_pb2 as pb
from sound.streams import Format

pytestmark = pytest.mark.unit

RATE, SECONDS = 22_050, 10


async def others_turns() -> list[int]:
    """How many turns somebody else had had when each message was sent; sending itself never waits."""
    seen, turns = list[int](), 0

    async def send(_: object) -> None:
        seen.append(turns)

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    body = json.dumps({"model": "tts-1", "input": "One.", "voice": "anna", "response_format": "wav"}).encode()
    out = _Out(asked(body, {}), Format("wav"), {"type": "http"}, send)
    beside = asyncio.create_task(other())
    try:
        await out.add(pb.AudioChunk(samples=bytes(4 * RATE * SECONDS), sample_rate=RATE, version="anna@7"))
    finally:
        beside.cancel()
    return seen


def test_others_have_a_turn_between_two_pieces() -> None:
    seen = asyncio.run(others_turns())
    assert len(seen) >= SECONDS / PIECE
    assert len(set(seen)) >= SECONDS / PIECE
