"""The tiny base in openaudio-s1-mini's file format, built once, and clips of real speech."""

from __future__ import annotations

from pathlib import Path

import pytest
from fish_voice import clip

from engines.base import Clip, Features
from engines.fish import tiny_base
from engines.fish.engine import FishEngine, create
from engines.fish.features import Encoder
from tests.made_once import made_once

DEMO = Path(__file__).parents[3] / "demo" / "recordings"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny base, which the end-to-end tests may have made already."""
    return made_once(tmp_path_factory, "fish-base", tiny_base.write)


@pytest.fixture(scope="session")
def talkative(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny base that goes on and on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny_base, "MEAN_FRAMES", 1e8)
        return made_once(tmp_path_factory, "fish-talkative", tiny_base.write)


@pytest.fixture
def engine(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> FishEngine:
    """The engine on the tiny base."""
    monkeypatch.setenv("MYNA_FISH_BASE", str(tiny))
    return create()


@pytest.fixture(scope="session")
def clips() -> list[Clip]:
    """Six demo recordings of one voice, two to six seconds, with their texts."""
    return [clip(path) for path in sorted(DEMO.glob("d*.flac"))[:6]]


@pytest.fixture(scope="session")
def features(tiny: Path, clips: list[Clip]) -> list[Features]:
    """The clips, encoded."""
    encoder = Encoder(tiny)
    return [encoder.encode(clip) for clip in clips]
