"""The sound of a clip as the player takes it: its FLAC file, decoded here (which is the smaller way over a far
link)."""

from __future__ import annotations

import asyncio
import io

from proto.channel import ClientError
from proto.client_async import AsyncClient
from tui.track import Track


async def clip_sound(client: AsyncClient, voice: str, sha256: str) -> Track:
    """Raises ClientError."""
    data = b"".join([part.data async for part in client.clip_file(voice, sha256)])
    samples, rate = await asyncio.to_thread(decoded, data)
    return Track(rate, bytearray(samples), whole=True)


def decoded(data: bytes) -> tuple[bytes, int]:
    """(little-endian float32 mono samples, Hz) of a FLAC or WAV file. Raises ClientError for bytes that are none."""
    import soundfile

    try:
        samples, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ClientError(
            f"The clip's sound cannot be read: {error}.", "Restore its file from a copy.", "DATA_LOSS"
        ) from None
    return samples.mean(axis=1).astype("<f4").tobytes(), int(rate)
