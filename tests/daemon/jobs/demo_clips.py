"""The demo's recordings as clips."""

from __future__ import annotations

import hashlib
from pathlib import Path

from proto import worker_pb2 as wire

DEMO = Path(__file__).parents[3] / "demo" / "recordings"


def refs(first: int, last: int) -> list[wire.ClipRef]:
    """The demo's recordings of these numbers, as clips."""
    found = []
    for number in range(first, last):
        path = DEMO / f"d{number:02}.flac"
        text = path.with_suffix(".txt").read_text().strip()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        found.append(wire.ClipRef(sha256=digest, path=str(path), text=text, language="en", seconds=4.0, is_new=True))
    return found
