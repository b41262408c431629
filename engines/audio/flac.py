"""Write FLAC, whole or not at all.

A file appears under its name only when all of it is on the disk: written beside it, flushed, then renamed.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def encode_flac(samples: NDArray[np.float32], sample_rate: int) -> bytes:
    """Mono float samples of shape (n,) as a 16-bit FLAC file; values beyond ±1 are limited. The same samples give the same bytes."""
    import numpy as np
    import soundfile

    pcm = np.clip(np.round(np.asarray(samples, dtype=np.float64) * 32_768.0), -32_768, 32_767).astype(np.int16)
    buffer = io.BytesIO()
    soundfile.write(buffer, pcm, sample_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def save_flac(path: Path, samples: NDArray[np.float32], sample_rate: int) -> str:
    """Write a mono 16-bit FLAC file at `path` (its folder must exist). Returns the SHA-256 of its bytes, in hex. Raises OSError."""
    data = encode_flac(samples, sample_rate)
    write_whole(path, data)
    return hashlib.sha256(data).hexdigest()


def save_clip(folder: Path, samples: NDArray[np.float32], sample_rate: int) -> tuple[str, Path]:
    """Write a clip under its own hash: `folder/ab/<sha256>.flac`. Returns (sha256 in hex, path). The same clip twice is one file."""
    data = encode_flac(samples, sample_rate)
    sha256 = hashlib.sha256(data).hexdigest()
    path = folder / sha256[:2] / f"{sha256}.flac"
    if not (path.is_file() and path.stat().st_size == len(data)):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    return sha256, path


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that a crash at any moment leaves the old file, or none, or all of the new one. Raises OSError."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)  # mkstemp's 0600 would keep a group from listening
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
