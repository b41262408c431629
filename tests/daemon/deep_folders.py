"""Folders inside each other, deeper than a path can say."""

from __future__ import annotations

import os
from pathlib import Path


def nest(folder: Path, depth: int) -> None:
    """Make them in `folder`, which may be there, with a recording (empty) in the deepest."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=descriptor)
        below = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(os.open("a.wav", os.O_CREAT, dir_fd=descriptor))
    os.close(descriptor)
