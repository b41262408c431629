"""openaudio-s1-mini of full size with random weights: the same for Myna and for stock fish-speech."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from engines.fish import tiny_base


def base() -> Path:
    """Folder of the full-size base, made on first use (half a minute, 3.3 GB) and found again afterwards;
    MYNA_FISH_BASE names it then."""
    made_by = hashlib.sha256(Path(tiny_base.__file__).read_bytes()).hexdigest()[:8]
    folder = Path(tempfile.gettempdir()) / f"myna-fish-full-{made_by}"
    if not folder.is_dir():
        aside = folder.with_name(f"{folder.name}.{os.getpid()}")
        try:
            tiny_base.write(aside, tiny_base.FULL)
            aside.rename(folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    os.environ["MYNA_FISH_BASE"] = str(folder)
    return folder
