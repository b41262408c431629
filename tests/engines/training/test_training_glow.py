"""The loop with a real engine: a tiny random `glow`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from engines.base import Features
from engines.glow import mel, model
from engines.glow.engine import GlowEngine
from engines.glow.recipe import tiny_base
from engines.training.control import Command, Free, Stopped
from engines.training.loop import train
from engines.training.report import Collected
from engines.training.settings import TrainSettings

SETTINGS = TrainSettings(
    steps=20,
    learning_rate=1e-3,
    batch_size=6,
    micro_batch=4,
    warmup=2,
    eval_every=4,
    checkpoint_every=10,
    patience=0,
    threads=1,
)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GlowEngine:
    tiny_base.make(tmp_path / "base")
    monkeypatch.setenv(model.BASE_VARIABLE, str(tmp_path / "base"))
    return GlowEngine()


def clips(count: int, seed: int) -> list[Features]:
    """Half a second to one and a half of noise with as many phonemes as fit."""
    rng = np.random.default_rng(seed)
    made: list[Features] = []
    for frames in rng.integers(30, 90, count):
        made.append(
            {"mel": rng.standard_normal((mel.N_MELS, frames)).astype("f4"), "tokens": rng.integers(1, 30, frames // 6)}
        )
    return made


class StopAt(Free):
    def __init__(self, step: int) -> None:
        self.left = step

    def poll(self) -> Command:
        self.left -= 1
        return Command.STOP if self.left < 0 else Command.GO


def test_glow_learns_and_a_stop_on_the_way_changes_no_bit(engine: GlowEngine, tmp_path: Path) -> None:
    new, held_out, old = clips(14, 1), clips(4, 2), clips(10, 3)
    report = Collected()
    undisturbed = engine.load(None, training=True)
    result = train(engine, undisturbed, new, held_out, SETTINGS, tmp_path / "a", report=report, old_clips=old)
    assert result.best_step > 0
    assert result.best_loss is not None
    assert result.best_loss < report.curves["held_out/loss"][0]

    with pytest.raises(Stopped):
        train(
            engine, engine.load(None, training=True), new, held_out, SETTINGS, tmp_path / "b", StopAt(7), old_clips=old
        )
    resumed = engine.load(None, training=True)
    again = train(engine, resumed, new, held_out, SETTINGS, tmp_path / "b", old_clips=old)
    assert again.best_loss == result.best_loss
    ours, theirs = undisturbed.module.state_dict(), resumed.module.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_trained_glow_is_saved_and_trains_on(engine: GlowEngine, tmp_path: Path) -> None:
    voice = engine.load(None, training=True)
    first = train(engine, voice, clips(14, 1), clips(4, 2), SETTINGS, tmp_path / "first")
    (tmp_path / "version").mkdir()
    engine.save(voice, tmp_path / "version")
    report = Collected()
    increment = dataclasses.replace(SETTINGS, learning_rate=1e-4)
    loaded = engine.load(tmp_path / "version", training=True)
    train(
        engine, loaded, clips(6, 4), clips(4, 2), increment, tmp_path / "second", report=report, old_clips=clips(14, 1)
    )
    assert report.curves["held_out/loss"][0] == pytest.approx(first.best_loss, rel=1e-5)
