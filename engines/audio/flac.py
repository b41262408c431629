"""Write FLAC, whole or not at all; what a killed writer left is swept away."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from engines.files import ABANDONED, TEMPORARY, disk_full_is_a_sentence, make_folder, remove_untouched, write_whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: What a half-written clip is called.
_HALF = re.compile(rf"{re.escape(TEMPORARY)}([0-9]+-)?[0-9a-f]{{64}}\.flac")


def encode_flac(samples: NDArray[np.float32], sample_rate: int) -> bytes:
    """Mono float samples of shape (n,) as a 16-bit FLAC file; values beyond ±1 are limited. The same samples give the
    same bytes."""
    import numpy as np
    import soundfile

    pcm = np.clip(np.round(np.asarray(samples, dtype=np.float64) * 32_768.0), -32_768, 32_767).astype(np.int16)
    buffer = io.BytesIO()
    soundfile.write(buffer, pcm, sample_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def save_clip(folder: Path, samples: NDArray[np.float32], sample_rate: int) -> tuple[str, Path]:
    """Write a clip under its own hash: `folder/ab/<sha256>.flac`. Returns (sha256 in hex, path). The same clip twice is
    one file.

    Raises DiskFull.
    """
    data = encode_flac(samples, sample_rate)
    sha256 = hashlib.sha256(data).hexdigest()
    path = folder / sha256[:2] / f"{sha256}.flac"
    if not (path.is_file() and path.stat().st_size == len(data)):
        with disk_full_is_a_sentence("a clip"):
            make_folder(path.parent)
        write_whole(path, data, "a clip")
    return sha256, path


def sweep_clips(folder: Path) -> None:
    """Remove half-written clips from `folder/ab/` whose writers were killed; other files there are left alone."""
    half = (path for path in folder.glob(f"[0-9a-f][0-9a-f]/{TEMPORARY}*.flac") if _HALF.fullmatch(path.name))
    remove_untouched(half, ABANDONED)
