"""XTTS-v2 of full size with random weights, and clips with texts: the same for Myna and for stock coqui-tts."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from engines.base import Clip
from engines.xtts import tiny_base

DEMO = Path(__file__).resolve().parents[2] / "demo" / "recordings"


def base() -> Path:
    """Folder of the full-size base, made on first use (half a minute, 2.1 GB) and found again afterwards;
    MYNA_XTTS_BASE names it then."""
    made_by = hashlib.sha256(Path(tiny_base.__file__).read_bytes()).hexdigest()[:8]
    folder = Path(tempfile.gettempdir()) / f"myna-xtts-full-{made_by}"
    if not folder.is_dir():
        aside = folder.with_name(f"{folder.name}.{os.getpid()}")
        try:
            tiny_base.write(aside, tiny_base.FULL, [clip.text for clip in clips()])
            aside.rename(folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    os.environ["MYNA_XTTS_BASE"] = str(folder)
    return folder


def clips() -> list[Clip]:
    """The demo voice's recordings as clips, in the order of their names."""
    found = []
    for path in sorted(DEMO.glob("d*.flac")):
        text = path.with_suffix(".txt").read_text(encoding="utf-8").strip()
        found.append(
            Clip(hashlib.sha256(path.read_bytes()).hexdigest(), path, text, "en", soundfile.info(path).duration)
        )
    return found


def mixed_clips(count: int) -> list[Clip]:
    """Clips of 4 to 10 s, as datasets have them: recordings alone and, every other one, in twos with their texts. Kept
    beside the base."""
    folder = base() / "clips"
    folder.mkdir(exist_ok=True)
    alone = clips()
    mixed: list[Clip] = []
    for index in range(count):
        parts = alone[index * 3 % len(alone) :][: 1 + index % 2] or alone[:1]
        path = folder / f"{'-'.join(part.path.stem for part in parts)}.flac"
        if not path.is_file():
            read = [soundfile.read(part.path, dtype="float32") for part in parts]
            soundfile.write(path, np.concatenate([samples for samples, _ in read]), read[0][1])
        text = " ".join(part.text for part in parts)
        mixed.append(
            Clip(hashlib.sha256(path.read_bytes()).hexdigest(), path, text, "en", soundfile.info(path).duration)
        )
    return mixed
