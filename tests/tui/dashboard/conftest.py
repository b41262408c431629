"""A home whose name is as long in every run, the paper daemon in it, and a clock that stands still."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tui.stage.rows import NOW
from tests.tui.stage.server import Stage
from tui import wording


@pytest.fixture
def home() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="myna-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def stage(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(wording, "clock", lambda: NOW.seconds + 600.0)
    monkeypatch.setattr(
        wording, "moment", lambda stamp: stamp.ToDatetime().strftime("%H:%M:%S") if stamp.seconds else ""
    )
    made = Stage(home)
    made.open()
    yield made
    made.close()
