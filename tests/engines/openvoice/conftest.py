"""The tiny base in OpenVoice V2's file format, built once, and clips of real speech."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from engines.base import Clip
from engines.openvoice import tiny_base
from engines.openvoice.engine import OpenVoiceEngine, create
from tests.made_once import made_once

DEMO = Path(__file__).parents[3] / "demo" / "recordings"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny base."""
    return made_once(tmp_path_factory, "openvoice-base", tiny_base.write)


@pytest.fixture
def engine(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> OpenVoiceEngine:
    """The engine on the tiny base."""
    monkeypatch.setenv("MYNA_OPENVOICE_BASE", str(tiny))
    return create()


@pytest.fixture(scope="session")
def clips() -> list[Clip]:
    """Three recordings."""
    paths = [DEMO / f"{name}.flac" for name in ("d01", "d05", "d08")]
    return [Clip(path.stem, path, "", "en", soundfile.info(path).duration) for path in paths]
