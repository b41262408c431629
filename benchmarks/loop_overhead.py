"""What the training loop costs on top of the bare model step, measured in one run.

A full-size `glow` trains on made-up clips. Before each step the loop asks its control whether to go on; this control
uses that moment to step a twin model bare (forward, backward, clipping, AdamW) on the very batch that the loop takes
next, already collated. So the two alternate step by step on the same work and the same machine. All else that the loop
does is its overhead: collating, seeding, steering, reporting, TensorBoard, and checkpoints at the engine's own
interval. Held-out measurement is work that was asked for, and is not counted.

    python -m benchmarks.loop_overhead [--steps 40]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from engines.base import Features, Model
from engines.glow import mel, model, network
from engines.glow.engine import GlowEngine
from engines.glow.info import INFO
from engines.training.checkpoint import Checkpoints, RunState, weights_of
from engines.training.control import Command, Free
from engines.training.data import START, DataOrder
from engines.training.feed import Feed
from engines.training.loop import train
from engines.training.report import Silent
from engines.training.settings import TrainSettings, plan
from engines.training.step import adamw

BAR = 0.02
#: Steps at the start that are not counted: memory is first touched there.
WARM = 4


def clips(count: int) -> list[Features]:
    """Made-up clips of 2 to 6 seconds."""
    rng = np.random.default_rng(0)
    made: list[Features] = []
    for _ in range(count):
        frames = int(rng.integers(125, 375))
        tokens = rng.integers(1, 30, frames // 6)
        made.append({"mel": rng.standard_normal((mel.N_MELS, frames)).astype("f4"), "tokens": tokens})
    return made


def make_base(folder: Path) -> None:
    """A full-size network with random weights, where the engine looks for its base."""
    torch.manual_seed(0)
    settings = network.Settings(speakers=("first",))
    network.save(network.build(settings), settings, folder)
    os.environ[model.BASE_VARIABLE] = str(folder)


def save_seconds(loaded: Model, optimizer: torch.optim.Optimizer, folder: Path) -> float:
    """Time to write one checkpoint and the best weights beside it, median of three."""
    times = []
    for step in range(3):
        began = time.perf_counter()
        Checkpoints(folder).save(RunState(step=2 * step), weights_of(loaded.module), None)  # the best one's
        Checkpoints(folder).save(RunState(step=2 * step + 1), weights_of(loaded.module), optimizer)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


class BareBetween(Free):
    """Steps the twin before each step of the loop, and keeps the times of both, seconds."""

    def __init__(self, engine: GlowEngine, data: list[Features], settings: TrainSettings) -> None:
        self.bare: list[float] = []
        self.looped: list[float] = []
        self._engine, self.twin, self._settings = engine, engine.load(None, training=True), settings
        self._parameters = engine.trainable(self.twin, None)
        self.optimizer = adamw(self._parameters, settings, self.twin.device)
        self._feed = Feed(
            engine, data, DataOrder([engine.length(clip) for clip in data], [], settings.batch_size, 0.0, settings.seed)
        )
        self._position = START
        self._left = 0.0

    def poll(self) -> Command:
        if self._left:
            self.looped.append(time.perf_counter() - self._left)
        step = self._feed.step(self._position, self._settings.micro_batch)
        self._position = step.after
        began = time.perf_counter()
        self.optimizer.zero_grad(set_to_none=True)
        losses = self._engine.losses(self.twin, step.pieces[0][0])
        torch.autograd.backward(losses["loss"])
        torch.nn.utils.clip_grad_norm_(self._parameters, self._settings.grad_clip, foreach=True)
        self.optimizer.step()
        self.bare.append(time.perf_counter() - began)
        self._left = time.perf_counter()
        return Command.GO


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--steps", type=int, default=40)
    steps = arguments.parse_args().steps
    torch.set_num_threads(1)  # two processes' worth of barriers on a shared machine would drown what is measured
    interval = plan(INFO, 96, 96).checkpoint_every
    settings = TrainSettings(
        steps=steps + WARM, learning_rate=1e-4, checkpoint_every=10**6, eval_every=10**6, patience=0
    )
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "base"
        base.mkdir()
        make_base(base)
        engine, data = GlowEngine(), clips(96)
        control = BareBetween(engine, data, settings)
        train(engine, engine.load(None, training=True), data, [], settings, Path(folder) / "run", control, Silent())
        checkpoint = save_seconds(control.twin, control.optimizer, Path(folder) / "saved")
    pairs = list(zip(control.bare, control.looped, strict=False))[WARM:]
    bare = statistics.median(b for b, _ in pairs)
    step = statistics.median(looped / b for b, looped in pairs) - 1
    total = step + checkpoint / interval / bare
    print(
        f"# bare step {bare * 1000:.0f} ms · the loop adds {step:+.2%} · a checkpoint "
        f"{checkpoint * 1000:.0f} ms every {interval} steps"
    )
    print(f"loop overhead · {total:.2%} · ≤ {BAR:.0%} of step time · {'holds' if total <= BAR else 'falls short'}")


if __name__ == "__main__":
    main()
