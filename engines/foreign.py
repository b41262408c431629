"""Files of a version that was made elsewhere, before an engine gets to see them: nothing is unpickled, and nothing
leads out of its folder. Loads no tensors."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from safetensors import SafetensorError, safe_open

from engines.errors import BadInput

#: In an engine's own JSON file of a version: sibling folders of versions that are loaded before it
#: (docs/writing-an-engine.md).
ON = "on"
#: JSON files of a version that are not the engine's.
NOT_THE_ENGINES = frozenset({"version.json", "report.json", "identity.json", "purged.json"})
HINT = "Have it exported again with `myna export`."


def check(folder: Path) -> None:
    """Raises BadInput for weights that the library safetensors does not open, for settings that are no JSON, and for a
    version that is loaded onto others."""
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
    for path in sorted(folder.glob("*.json")):
        if path.name in NOT_THE_ENGINES:
            continue
        try:
            settings = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            raise BadInput(f"{path.name} is not JSON.", HINT) from None
        on = settings.get(ON) if isinstance(settings, dict) else None
        found += map(str, on if isinstance(on, Iterable) else [on] if on else [])
    return tuple(found)
