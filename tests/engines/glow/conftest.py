"""A random base of tiny size in place of the shipped one, and a few clips of a spoken-looking tone."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from engines.base import Clip
from engines.glow import model
from engines.glow.engine import GlowEngine, create
from engines.glow.recipe import tiny_base

TEXTS = (
    "The boat came in before the storm.",
    "Who has the key?",
    "It was number 42, on May 5, 2012.",
    "Dr. Shaw walked home slowly.",
)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny base."""
    folder = tmp_path_factory.mktemp("base")
    tiny_base.make(folder)
    return folder


@pytest.fixture
def engine(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> GlowEngine:
    """The engine on the tiny base."""
    monkeypatch.setenv(model.BASE_VARIABLE, str(tiny))
    return create()


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    """Four clips of two to three seconds: a buzz that swells word by word, with half a second of silence around it."""
    folder = tmp_path_factory.mktemp("clips")
    return [clip(folder / f"{index}.flac", text, 2.0 + 0.3 * index, index) for index, text in enumerate(TEXTS)]


def clip(path: Path, text: str, seconds: float, seed: int, rate: int = 16_000) -> Clip:
    """Write a buzz of `seconds` and return it as a clip."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    buzz = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 20)) * (1.1 + np.sin(2 * np.pi * 3 * time))
    silence = np.zeros(rate // 2)
    samples = np.concatenate([silence, 0.1 * buzz + 0.002 * rng.standard_normal(len(time)), silence])
    sf.write(path, samples.astype(np.float32), rate)
    return Clip(hashlib.sha256(path.read_bytes()).hexdigest(), path, text, "en", len(samples) / rate)
