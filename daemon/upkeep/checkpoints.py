"""Checkpoints of a run, as files: which are whole, and which steps they are of. What is in them: `engines.training`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STATE, OPTIMIZER = "state.json", "optimizer.safetensors"


def steps(folder: Path) -> list[int]:
    """Steps with a checkpoint in a run's folder, ascending; not checked."""
    found = (path.name.removeprefix("step-") for path in (folder / "checkpoints").glob("step-*"))
    return sorted(int(step) for step in found if step.isdigit())


def path(folder: Path, step: int) -> Path:
    return folder / "checkpoints" / f"step-{step:06d}"


def files(state: bytes) -> dict[str, tuple[int, int]]:
    """Of the files that a checkpoint's `state.json` names, (size, CRC-32). Raises ValueError."""
    try:
        record: dict[str, Any] = json.loads(state)
        return {str(name): (int(told["size"]), int(told["crc32"])) for name, told in record["files"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(str(error)) from error


def resumable(folder: Path) -> Iterator[int]:
    """Steps that the run can go on from, as far as sizes tell."""
    for step in steps(folder):
        place = path(folder, step)
        try:
            named = files((place / STATE).read_bytes())
            if OPTIMIZER in named and all((place / name).stat().st_size == size for name, (size, _) in named.items()):
                yield step
        except (OSError, ValueError):
            continue
