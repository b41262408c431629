"""Room on the disk that holds Myna's state."""

from __future__ import annotations

import shutil
from pathlib import Path

from daemon import settings


def short(home: Path, need: int = 0) -> str:
    """Why nothing that writes `need` bytes can start: "disk 0.4 GB short", with the setting `min_free_disk` left free; empty: it can."""
    missing = settings.load(home).min_free_disk + need - shutil.disk_usage(home).free
    return f"disk {max(missing / 1e9, 0.1):.1f} GB short" if missing > 0 else ""
