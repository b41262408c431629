"""Reading the files of a version, for every engine that keeps its weights as safetensors: what is wrong with them is a
sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from engines.base import LoraSettings
from engines.errors import EngineError, WeightsMissing

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


def about_on(base: Path, fingerprint: str, file: Path, expected: int, model: str) -> dict[str, Any]:
    """The same of a version that is to be loaded onto a base with that fingerprint; `model` is what people call it.
    Raises WeightsMissing for one that was trained on another."""
    told = about(file, expected)
    if told.get("base", fingerprint) != fingerprint:
        sentence = f"{file.parent} was trained on another base of {model} than the one in {base}."
        raise WeightsMissing(sentence, "Put that base back, or train the voice anew from this one.")
    return told


def lora(about: Mapping[str, Any]) -> LoraSettings | None:
    """Of a version's adapters, by what its file says; None: it has none."""
    told = about["lora"]
    return LoraSettings(**{**told, "targets": tuple(told["targets"])}) if told else None


def tensors(path: Path) -> dict[str, torch.Tensor]:
    """By name, on the CPU. Raises EngineError."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise EngineError(f"{path} cannot be read ({error}).", _HINT) from error
