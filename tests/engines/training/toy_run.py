"""The toy engine's training, to be killed: see killed.py."""

from __future__ import annotations

from pathlib import Path

import killed
from toy_engine import ToyEngine, clips

from engines.base import Model
from engines.training.loop import TrainResult, train
from engines.training.report import Reporter
from engines.training.settings import TrainSettings

SETTINGS = TrainSettings(
    steps=60,
    learning_rate=1e-2,
    batch_size=8,
    micro_batch=3,
    warmup=5,
    eval_every=7,
    checkpoint_every=10,
    patience=0,
    threads=1,
    seed=3,
)


def train_once(run_dir: Path, report: Reporter) -> tuple[Model, TrainResult]:
    engine = ToyEngine()
    model = engine.load(None)
    return model, train(engine, model, clips(30), clips(5, 2), SETTINGS, run_dir, report=report, old_clips=clips(20, 3))


if __name__ == "__main__":
    killed.main(train_once)
