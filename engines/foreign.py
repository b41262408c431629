"""Versions that go from one home to another: what leaves stands alone, and of what comes nothing is unpickled and
nothing leads out of its folder, before an engine gets to see it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from engines.base import Learns
from engines.errors import BadInput

#: In an engine's own JSON file of a version: sibling folders of versions that are loaded before it
#: (docs/writing-an-engine.md).
ON = "on"
#: There, too: fingerprint of the weights that it is loaded onto, where it has not all of its own.
BASE = "base"
#: JSON files of a version that are not the engine's.
NOT_THE_ENGINES = frozenset({"version.json", "report.json", "identity.json", "purged.json"})
HINT = "Have it exported again with `myna export`."


def check(folder: Path) -> None:
    """Raises BadInput for weights that the library safetensors does not open, for settings that are no JSON, and for a
    version that is loaded onto others."""
    from safetensors import SafetensorError, safe_open  # brings numpy along, which an export does without

    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, framework="numpy") as file:
                names = list(file.keys())
        except (OSError, SafetensorError) as error:
            raise BadInput(f"{path.name} holds no tensors that can be read: {error}", HINT) from None
        if not names:
            raise BadInput(f"{path.name} holds no tensors.", HINT)
    if loaded_onto(folder):
        raise BadInput("It is loaded onto other versions, which are not in it.", HINT)


def loaded_onto(folder: Path) -> tuple[str, ...]:
    """Other folders that a version needs to be loaded, as its settings name them. Raises BadInput for settings that
    cannot be read."""
    found: list[str] = []
    for settings in _settings(folder):
        on = settings.get(ON)
        found += map(str, on if isinstance(on, Iterable) else [on] if on else [])
    return tuple(found)


def base_weights(folder: Path) -> str:
    """Fingerprint of the weights that a version is loaded onto, as its settings have it; empty: they name none. Raises
    BadInput as `loaded_onto` does."""
    return next((str(settings[BASE]) for settings in _settings(folder) if settings.get(BASE)), "")


def write_alone(engine: Learns, folder: Path, empty: Path) -> str:
    """Write a version that is loaded onto others as one that stands alone: all of them folded into weights of its own.
    Returns its kind. Raises what the engine raises."""
    model = engine.merge(engine.load(folder))
    engine.save(model, empty)
    return model.kind


def _settings(folder: Path) -> Iterator[dict[str, Any]]:
    """The engine's own."""
    for path in sorted(folder.glob("*.json")):
        if path.name in NOT_THE_ENGINES:
            continue
        try:
            settings = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            raise BadInput(f"{path.name} is not JSON.", HINT) from None
        if isinstance(settings, dict):
            yield settings
