"""Lines as a scoring keeps them: plain values, for reports and for the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from daemon.worker.bench import finite
from daemon.worker.spoken import Speaker
from engines.base import Clip
from engines.metrics.score import LineScores


def file(home: Path, who: Speaker, clip: Clip, take: int = 0) -> str:
    """What was spoken, relative to the home; empty: it was not."""
    wav = who.wav(clip, take)
    return str(wav.relative_to(home)) if wav.is_file() else ""


def numbers(line: LineScores) -> dict[str, Any]:
    """A line's scores, and what was heard, without what was not measured."""
    left_out = ("line", "words", "chars")
    found: dict[str, Any] = finite(
        {name: value for name, value in vars(line).items() if name not in left_out and value is not None}
    )
    return found
