"""What the checks share: the device, a tiny XTTS made on the spot, a short training of it on clips that are made up."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from engines.base import Features
from engines.training.control import Control
from engines.training.loop import TrainResult, train
from engines.training.report import Collected, Reporter
from engines.training.settings import TrainSettings
from engines.xtts import tiny_base
from engines.xtts.engine import XttsEngine

#: Steps of the training, and from how many it goes on when it is killed.
STEPS, SAVED = 20, 5
SETTINGS = TrainSettings(
    steps=STEPS, learning_rate=1e-3, batch_size=4, micro_batch=4, warmup=2, eval_every=STEPS, checkpoint_every=SAVED,
    patience=0, spoken_checkpoints=0, seed=3,
)  # fmt: skip


@dataclass
class Bench:
    """`folder` is where tiny bases lie, or are to; `used` tells the bytes of the card's memory that are taken, by
    whomever; None where NVML does not. Close it in the end."""

    device: torch.device
    folder: Path
    used: Callable[[], int | None]
    base: Path = field(init=False)
    _losses: list[float] = field(default_factory=list)
    _runs: Path | None = None

    def __post_init__(self) -> None:
        self.base = self.made("base", tiny_base.write)
        os.environ["MYNA_XTTS_BASE"] = str(self.base)

    def made(self, name: str, write: Callable[[Path], None]) -> Path:
        """A folder that stays for the next time; `write` fills it the first time."""
        folder = self.folder / name
        if not folder.exists():
            aside = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))  # whole, or not there for the next time
            write(aside)
            aside.rename(folder)
        return folder

    def run_folder(self, name: str) -> Path:
        """A training's own, in a folder that is made anew: in that of an earlier self-test nothing would be left to
        train."""
        if self._runs is None:
            self._runs = Path(tempfile.mkdtemp(prefix="runs-", dir=self.folder))
        return self._runs / name

    def close(self) -> None:
        """Take the trainings away."""
        if self._runs is not None:
            shutil.rmtree(self._runs, ignore_errors=True)
            self._runs = None

    def undisturbed(self) -> list[float]:
        """Losses of the training when nobody disturbs it, by step; trained once."""
        if not self._losses:
            report = Collected()
            run(self.device, self.run_folder("undisturbed"), report=report)
            self._losses = losses(report)
        return self._losses


def run(
    device: torch.device,
    folder: Path,
    control: Control | None = None,
    report: Reporter | None = None,
    *,
    engine: XttsEngine | None = None,
    settings: TrainSettings = SETTINGS,
) -> TrainResult:
    """The training, or what is left of it in `folder`. Raises as `train` does."""
    engine = engine or XttsEngine()
    model = engine.load(None, device=str(device), training=True)
    return train(engine, model, clips(8, seed=1), clips(2, seed=2), settings, folder, control, report)


def losses(report: Collected) -> list[float]:
    """Of the steps that reported, ascending."""
    curve = report.curves.get("train/loss", {})
    return [curve[step] for step in sorted(curve)]


def farthest(one: list[float], other: list[float]) -> float:
    """The largest difference of two curves, as a share; infinite where they are not as long."""
    if len(one) != len(other) or not one:
        return float("inf")
    return max(abs(a - b) / abs(a) for a, b in zip(one, other, strict=True))


def clips(count: int, seed: int) -> list[Features]:
    """What clips of one to two seconds become."""
    chance = np.random.default_rng(seed)
    return [
        {
            "codes": chance.integers(0, tiny_base.TINY.codes, length).astype(np.int16),
            "tokens": chance.integers(21, 40, length // 2).astype(np.int16),
            "prompt": chance.standard_normal((80, 4 * length)).astype(np.float16),
        }
        for length in chance.integers(20, 45, count)
    ]
