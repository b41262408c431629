"""Small recordings in every format, made by the tests themselves."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

#: What a file of each ending holds: (FFmpeg muxer, encoder).
COMPRESSED = {
    "m4a": ("ipod", "aac"),
    "aac": ("adts", "aac"),
    "webm": ("webm", "libopus"),
    "opus": ("ogg", "libopus"),
    "mp3": ("mp3", "libmp3lame"),
}


def tone(seconds: float = 3.0, rate: int = 16_000, level: float = 0.3, hz: float = 220.0) -> NDArray[np.float32]:
    """A sine, float32 of shape (n,)."""
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def write(path: Path, samples: NDArray[np.float32], rate: int = 16_000, subtype: str | None = None) -> Path:
    """Write WAV, FLAC or Ogg by soundfile; samples of shape (n,) or (n, channels)."""
    soundfile.write(
        path, samples, rate, subtype=subtype, format={".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG"}[path.suffix]
    )
    return path


def compress(path: Path, samples: NDArray[np.float32], rate: int = 48_000) -> Path:
    """Write what COMPRESSED says for the path's ending, mono."""
    muxer, encoder = COMPRESSED[path.suffix[1:]]
    with av.open(str(path), "w", format=muxer) as output:
        stream = output.add_stream(encoder, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            output.mux(packet)
    return path


def half(path: Path, to: Path) -> Path:
    """A copy that broke off in the middle."""
    data = path.read_bytes()
    to.write_bytes(data[: len(data) // 2])
    return to
