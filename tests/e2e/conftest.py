"""A tiny random base, made once, and a workshop for each test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workshop import ROOT, Workshop


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("base") / "glow"
    subprocess.run([sys.executable, "-m", "engines.glow.recipe.tiny_base", str(out)], cwd=ROOT, check=True)
    return out


@pytest.fixture
def workshop(tmp_path: Path, tiny_base: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path / "home", tiny_base)
    yield made
    made.kill()
