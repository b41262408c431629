"""A training of the tiny fish, to be killed: see ../training/killed.py. FISH_LORA_RANK is the adapters' rank; 0 trains
all."""

from __future__ import annotations

import os
from pathlib import Path

import killed
import numpy as np

from engines.base import Features, LoraSettings, Model
from engines.fish.engine import create
from engines.training.loop import TrainResult, train
from engines.training.report import Reporter
from engines.training.settings import TrainSettings

RANK = int(os.environ.get("FISH_LORA_RANK", "0"))
SETTINGS = TrainSettings(
    steps=12, learning_rate=1e-3, batch_size=4, micro_batch=3, warmup=2, eval_every=3, checkpoint_every=4, patience=0,
    threads=1, seed=3, lora=LoraSettings(RANK, 2 * RANK, dropout=0.1) if RANK else None,
)  # fmt: skip


def made_up(count: int, seed: int) -> list[Features]:
    """Features of about a second."""
    rng = np.random.default_rng(seed)
    return [
        {
            "codes": rng.integers(0, 128, (10, length)).astype(np.int16),
            "text": rng.integers(32, 120, length // 2).astype(np.int32),
        }
        for length in rng.integers(12, 30, count)
    ]


def train_once(run_dir: Path, report: Reporter) -> tuple[Model, TrainResult]:
    engine = create()
    model = engine.load(None, training=True)
    return model, train(
        engine, model, made_up(10, 1), made_up(3, 2), SETTINGS, run_dir, report=report, old_clips=made_up(6, 3)
    )


if __name__ == "__main__":
    killed.main(train_once)
