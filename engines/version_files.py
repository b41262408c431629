"""Reading the files of a version, for every engine that keeps its weights as safetensors: what is wrong with them is a
sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from engines.errors import EngineError

_HINT = "Roll back to another version of this voice."


def about(file: Path, expected: int) -> dict[str, Any]:
    """What a version's JSON file says, of the `expected` format. Raises EngineError."""
    try:
        told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EngineError(f"{file} cannot be read ({error}).", _HINT) from error
    if told.get("format") != expected:
        raise EngineError(
            f"{file.parent} has the format {told.get('format')}, and this Myna reads {expected}.", "Update Myna."
        )
    return told


def tensors(path: Path) -> dict[str, torch.Tensor]:
    """By name, on the CPU. Raises EngineError."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise EngineError(f"{path} cannot be read ({error}).", _HINT) from error
