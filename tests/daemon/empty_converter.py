"""A converter's base for the daemon's side: files of the right names with nothing in them. The daemon looks no further;
a worker could not convert with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engines.openvoice.info import INFO


def empty_converter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes it there, and has it taken for the base."""
    folder.mkdir()
    for file in INFO.weights:
        (folder / file.name).touch()
    monkeypatch.setenv("MYNA_OPENVOICE_BASE", str(folder))
    return folder
