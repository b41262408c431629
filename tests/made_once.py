"""What several tests use and is dear to make: made by the first that wants it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder of that name, which all tests of this process share and none changes. `make` fills a folder that is
    not there yet; one that it fails to fill is not used."""
    folder = factory.getbasetemp() / name
    if not folder.exists():
        half = factory.mktemp(f"half-{name}") / name
        make(half)
        half.rename(folder)
    return folder
