"""Free space on the disk that holds Myna's state, the floor that stays free, and what a folder takes."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DiskSpace:
    """The disk of a home folder. `floor`: bytes that stay free (the setting `min_free_disk`)."""

    home: Path
    floor: int

    def missing(self, need: int = 0, folder: Path | None = None) -> int:
        """Bytes that have to be freed before `need` more can be written and the floor stays free; 0: there is room.
        `folder`: one in the home that may lie on a disk of its own."""
        place = folder if folder is not None and folder.is_dir() else self.home
        return max(0, self.floor + need - shutil.disk_usage(place).free)

    def why_not(self, need: int = 0) -> str:
        """Why nothing that writes `need` bytes can start: "disk 0.4 GB short"; empty: it can."""
        missing = self.missing(need)
        return f"disk {max(missing / 1e9, 0.1):.1f} GB short" if missing else ""


def folder_size(folder: Path) -> int:
    """Bytes of the files in a folder and below. Walks the disk: call it from a thread, and never inside a
    transaction."""
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except FileNotFoundError:
            continue
    return total
