"""A training of the toy engine, short enough to be run often, and commands that come at given polls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from toy_engine import ToyEngine, ToyModel, clips

from engines.base import Features
from engines.training.control import Command, Switch
from engines.training.loop import TrainResult, train
from engines.training.report import Collected
from engines.training.settings import TrainSettings

SETTINGS = TrainSettings(
    steps=40,
    learning_rate=1e-2,
    batch_size=8,
    micro_batch=8,
    warmup=4,
    eval_every=5,
    checkpoint_every=10,
    patience=0,
    threads=1,
)


def weights(model: ToyModel) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.module.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def run(
    folder: Path, engine: ToyEngine | None = None, settings: TrainSettings = SETTINGS, **given: Any
) -> tuple[TrainResult, ToyModel, Collected]:
    engine = engine or ToyEngine()
    model, report = engine.load(None), Collected()
    held_out: Sequence[Features] = given.pop("held_out", clips(5, 2))
    result = train(engine, model, given.pop("new", clips(24)), held_out, settings, folder, report=report, **given)
    return result, model, report


class Script(Switch):
    """Gives commands at given polls; a wait that follows lasts until `wait` is entered, and no longer."""

    def __init__(self, commands: dict[int, Command]) -> None:
        super().__init__()
        self.commands, self.polls, self.waits = commands, 0, 0

    def poll(self) -> Command:
        self.polls += 1
        return self.commands.get(self.polls, Command.GO)

    def wait(self) -> None:
        self.waits += 1
        torch.rand(3)  # somebody else draws random numbers meanwhile
