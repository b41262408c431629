"""The folder of a run: what of it only an attempt that goes on needs. It is deleted when the run has come to its end,
and some time after it failed or was cancelled."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from daemon.home.set_aside import is_aside
from engines.files import TEMPORARY

CHECKPOINTS = "checkpoints"
#: What was learned of how a voice sounds (`daemon/kinds/train/sound.py`).
SOUND = "sound.safetensors"
#: Below it is what checkpoints said, which stays, and of each what would be the version (`to_choose`), which goes.
SELECTION = "selection"
_STEP = "step-"


def to_choose(folder: Path, step: int) -> Path:
    """Where a run's checkpoint lies as the version that it would be."""
    return folder / SELECTION / f"{_STEP}{step:06d}"


def only_to_go_on(folder: Path) -> list[Path]:
    """Files and folders that only an attempt which goes on needs, those that are there. Each may go alone, in this
    order: what is left is gone on from, or begun anew."""
    selection = folder / SELECTION
    places = (*sorted(selection.glob(f"{_STEP}*")), folder / SOUND, folder / CHECKPOINTS)
    return [place for place in places if place.exists() and not place.is_symlink()]


def half(folder: Path) -> list[Path]:
    """What a kill left of those: half-written, or half-deleted."""
    there = (*folder.glob(".*"), *folder.glob(f"{CHECKPOINTS}*"), *folder.glob(f"{SELECTION}/.*"))
    return sorted(path for path in there if is_aside(path.name) or path.name.startswith(TEMPORARY))


def come_to_its_end(folder: Path) -> None:
    """Remove what nobody goes on from any more. What cannot be removed now stays."""
    for path in only_to_go_on(folder):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()
