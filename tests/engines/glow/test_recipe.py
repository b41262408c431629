"""How a base goes on from another one, and what becomes of versions that were trained on the one before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engines.base import SpeechRequest
from engines.glow import model, network
from engines.glow.engine import GlowEngine
from engines.glow.recipe import corpus, tiny_base, train_base

pytestmark = pytest.mark.unit


def test_speakers_known_by_name_keep_their_rows_and_new_ones_begin_as_their_like() -> None:
    settings = replace(tiny_base.SETTINGS, speakers=("rms", "awb"))
    old = network.build(settings)
    grown, after = train_base.with_speakers(old, settings, ("rms", "rms-high", "awb", "ked"))
    rms, awb = (old.emb_g.weight[row] for row in (0, 1))  # type: ignore[index, union-attr]
    expected = torch.stack([rms, rms, awb, (rms + awb) / 2])
    assert after.speakers == ("rms", "rms-high", "awb", "ked")
    assert torch.allclose(grown.emb_g.weight, expected)
    assert torch.equal(grown.encoder.emb.weight, old.encoder.emb.weight)  # type: ignore[union-attr]


def test_the_rate_falls_by_steps_or_by_the_clock_whichever_is_further(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 60.0, 60.0, 60.0, 600.0])
    monkeypatch.setattr(train_base.time, "monotonic", lambda: next(moments))
    progress = train_base.Progress(steps=100, minutes=10)
    assert progress.at(50) == 0.5
    assert progress.at(1) == pytest.approx(0.1)
    assert progress.at(200) == 1.0
    assert progress.at(1) == 1.0
    assert train_base.learning_share(0, 0.0) == pytest.approx(0.01)
    assert train_base.learning_share(5000, 1.0) == pytest.approx(0.02)


def test_what_is_measured_on_is_in_no_corpus() -> None:
    from benchmarks import synthesisers

    assert sum(one.share for one in corpus.SPEAKERS) == pytest.approx(1)
    assert "slt" not in {one.voice for one in corpus.SPEAKERS}
    for judged in (*synthesisers.TUNING, *synthesisers.REPORTING, synthesisers.OTHER):
        for one in corpus.SPEAKERS:
            near = abs(one.warp - judged.warp) < 0.03 and abs(one.pitch * one.shift - judged.pitch) < 0.1
            assert one.voice != judged.voice or not near, f"{one.name} is {judged.name}"


def test_a_version_of_another_base_speaks_and_trains_with_its_own_speakers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new, version = tmp_path / "old", tmp_path / "new", tmp_path / "version"
    tiny_base.make(old)
    version.mkdir()
    engine, request = GlowEngine(), SpeechRequest("Hello there.", "en", seed=3)
    monkeypatch.setenv(model.BASE_VARIABLE, str(old))
    voice = engine.load(None)
    engine.save(voice, version)
    before = next(iter(engine.speak(voice, request))).samples

    new.mkdir()
    grown, settings = train_base.with_speakers(*network.load(old), ("first", "second", "third", "fourth"))
    network.save(grown, settings, new, torch.float16)
    monkeypatch.setenv(model.BASE_VARIABLE, str(new))
    again = engine.load(version, training=True)
    assert again.settings.speakers == ("first", "second", model.VOICE)
    assert np.array_equal(next(iter(engine.speak(again, request))).samples, before)
    assert engine.load(None).settings.speakers == ("first", "second", "third", "fourth", model.VOICE)
