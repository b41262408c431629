"""Hybrid Demucs by torchaudio's own class, so small and with weights so random that it parts nothing: for how sound and
files go through it. The published weights cannot be had where tests run."""

from __future__ import annotations

from pathlib import Path

import torch

from engines import coqui, separators
from engines.audio import separation


def build(folder: Path, sources: tuple[str, ...] = separation.SOURCES) -> Path:
    """Its file, as one of that name is published, in a folder that is made. Some 600,000 weights."""
    coqui.prepare()
    from torchaudio.models import HDemucs

    folder.mkdir(parents=True, exist_ok=True)
    file = folder / separators.PUBLISHED["hdemucs"].file.name
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.save(HDemucs(list(sources), channels=4, depth=6).state_dict(), file)
    return file
