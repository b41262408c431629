"""What is spoken has the bands of the recordings."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from engines.base import Clip, Finishes, SpeechRequest
from engines.errors import EngineError
from engines.glow import bands, mel
from engines.glow.bands import Bands
from engines.glow.engine import GlowEngine


def noise(seed: int, frames: int = 400) -> torch.Tensor:
    """Every second frame is loud."""
    made = torch.randn(mel.N_MELS, frames, generator=torch.Generator().manual_seed(seed))
    made[:, ::2] += 3
    return made


def loud(features: torch.Tensor) -> torch.Tensor:
    return features[:, ::2]


def sound(engine: GlowEngine, voice: object) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    request = SpeechRequest("Hello there.", seed=3)
    return np.concatenate([chunk.samples for chunk in engine.speak(voice, request)])  # type: ignore[arg-type]


def test_mean_and_spread_of_each_band_become_the_recordings() -> None:
    recorded = noise(0)
    spoken = 0.9 * recorded - torch.linspace(0, 1, mel.N_MELS)[:, None]
    found = bands.between(spoken, recorded)
    assert found is not None
    after = loud(found(spoken))
    assert torch.allclose(after.mean(dim=1), loud(recorded).mean(dim=1), atol=1e-4)
    assert torch.allclose(after.std(dim=1), loud(recorded).std(dim=1), atol=1e-4)


@pytest.mark.parametrize(("factor", "scale"), [(0.01, bands.MOST), (100.0, bands.LEAST)])
def test_a_band_is_not_blown_up_nor_flattened(factor: float, scale: float) -> None:
    recorded = noise(0)
    found = bands.between(recorded * factor, recorded)
    assert found is not None
    assert torch.allclose(found.scale, torch.tensor(scale))
    assert torch.allclose(loud(found(recorded * factor)).mean(dim=1), loud(recorded).mean(dim=1), atol=1e-3)


def test_silence_says_nothing_of_bands() -> None:
    assert bands.between(torch.zeros(mel.N_MELS, 50), torch.zeros(mel.N_MELS, 50)) is None


def test_what_is_no_number_says_nothing_of_bands() -> None:
    broken = noise(0)
    broken[3, 4] = torch.inf  # in a loud frame
    assert bands.between(broken, noise(1)) is None


def test_one_short_clip_and_none_at_all(engine: GlowEngine, clips: list[Clip]) -> None:
    voice = engine.load(None)
    engine.finish(voice, [engine.encode(clips[1])])
    assert voice.bands is not None
    assert torch.isfinite(voice.bands.scale).all()
    engine.finish(voice, [])
    assert voice.bands is None


def test_of_many_clips_some_from_all_over_them_are_looked_at(
    engine: GlowEngine, clips: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    features = [engine.encode(one) for one in clips]
    new_and_old, voice, found = [features[0]] * 3 + [features[1]] * 3, engine.load(None), []
    monkeypatch.setattr(bands, "CLIPS", 2)
    for some in (new_and_old, [features[0], features[1]], [features[0]] * 2):
        engine.finish(voice, some)
        assert voice.bands is not None
        found.append(voice.bands.shift)
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_a_version_speaks_through_its_bands(engine: GlowEngine, clips: list[Clip], tmp_path: Path) -> None:
    voice, base = engine.load(None, training=True), engine.load(None)
    assert isinstance(engine, Finishes)
    before = torch.get_rng_state()
    engine.finish(voice, [engine.encode(one) for one in clips])
    assert torch.equal(torch.get_rng_state(), before)
    assert voice.module.training
    engine.save(voice, tmp_path)
    again = engine.load(tmp_path)
    assert np.array_equal(sound(engine, voice), sound(engine, again))
    assert not np.array_equal(sound(engine, voice), sound(engine, base))


def test_the_same_weights_and_clips_give_the_same_bands(engine: GlowEngine, clips: list[Clip]) -> None:
    features, found = [engine.encode(one) for one in clips], []
    for _ in range(2):
        voice = engine.load(None)
        engine.finish(voice, features)
        assert voice.bands is not None
        found.append(voice.bands)
    assert torch.equal(found[0].scale, found[1].scale)
    assert torch.equal(found[0].shift, found[1].shift)


@pytest.mark.parametrize(
    "damage",
    [
        "{",
        "[]",
        '{"scale": [1]}',
        '{"scale": [1], "shift": [1, 2]}',
        '{"scale": 1, "shift": 1}',
        '{"scale": [1, 1], "shift": [0, 0]}',  # of another mel
        json.dumps({"scale": [1.0] * mel.N_MELS, "shift": [math.nan] * mel.N_MELS}),
        json.dumps({"scale": [10**400] * mel.N_MELS, "shift": [0] * mel.N_MELS}),
        json.dumps({"scale": [[1.0]] * mel.N_MELS, "shift": [[0.0]] * mel.N_MELS}),
        "[" * 100_000,
    ],
    ids=range(10),
)
def test_damaged_bands_are_a_sentence(tmp_path: Path, damage: str) -> None:
    bands.write(Bands(torch.ones(mel.N_MELS), torch.zeros(mel.N_MELS)), tmp_path)
    (tmp_path / bands.FILE).write_text(damage)
    with pytest.raises(EngineError, match="cannot be read"):
        bands.read(tmp_path)
