"""The tiny base in XTTS-v2's file format, built once, and clips of real speech."""

from __future__ import annotations

from pathlib import Path

import pytest
from xtts_clips import clip

from engines.base import Clip, Features
from engines.xtts import tiny_base
from engines.xtts.engine import XttsEngine, create
from engines.xtts.features import Encoder
from tests.made_once import made_once

DEMO = Path(__file__).parents[3] / "demo" / "recordings"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny base, which the end-to-end tests may have made already."""
    return made_once(tmp_path_factory, "xtts-base", tiny_base.write)


@pytest.fixture
def engine(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> XttsEngine:
    """The engine on the tiny base."""
    monkeypatch.setenv("MYNA_XTTS_BASE", str(tiny))
    return create()


@pytest.fixture(scope="session")
def clips() -> list[Clip]:
    """Twelve demo recordings of one voice, two to six seconds, with their texts."""
    return [clip(path) for path in sorted(DEMO.glob("d*.flac"))[:12]]


@pytest.fixture(scope="session")
def features(tiny: Path, clips: list[Clip]) -> list[Features]:
    """The clips, encoded."""
    return [made for made in Encoder(tiny).encode(clips) if not isinstance(made, Exception)]
