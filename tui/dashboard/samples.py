"""What versions say of a line: what evaluation has kept, else spoken now."""

from __future__ import annotations

from proto import myna_pb2 as pb
from proto.channel import ClientError
from proto.client_async import AsyncClient
from tui import names
from tui.dashboard.pair import Line
from tui.track import Track

SEED = 1  #: both versions speak with the same, so that it is not the dice that differ


async def spoken(client: AsyncClient, voice: str, version: int, line: Line, track: Track) -> None:
    """Fill the track with what a version (0: the base) says of the line. Raises ClientError when it cannot."""
    try:
        try:
            if not line.clip:
                raise ClientError("A typed text was never evaluated.", "", "NOT_FOUND")
            await track.fill(client.sample(voice, version, line.clip))
        except ClientError as problem:
            if problem.code != "NOT_FOUND":
                raise
            spec = pb.SpeakSpec(voice=voice, version=version or names.BASE, text=line.text, speed=1.0, seed=SEED)
            await track.fill(client.synthesize(spec))
    finally:
        track.whole = True


async def recorded(client: AsyncClient, voice: str, line: Line, track: Track) -> None:
    """Fill the track with the recording of a held-out line; it stays empty where there is none."""
    try:
        if line.clip:
            await track.fill(client.sample(voice, 0, line.clip, recording=True))
    except ClientError as problem:
        if problem.code != "NOT_FOUND":
            raise
    finally:
        track.whole = True
