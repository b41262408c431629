"""What is to be deleted gets another name first: a kill leaves half of it, and nobody takes that for what it was."""

from __future__ import annotations

from pathlib import Path

ENDING = ".gone"
#: a run's, which lie beside files that stay
CHECKPOINTS = f"checkpoints{ENDING}"


def aside_of(path: Path) -> Path:
    """Its name until it is gone; the same, if it has it already."""
    if is_aside(path.name):
        return path
    return path.with_name(CHECKPOINTS if path.name == "checkpoints" else f".{path.name}{ENDING}")


def is_aside(name: str) -> bool:
    """Whether something of that name is about to go."""
    return name == CHECKPOINTS or (name.startswith(".") and name.endswith(ENDING))
