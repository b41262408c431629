"""Where a run goes on: whether what lies in its folder is of this run, and the state that a checkpoint keeps of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace

import torch

from engines.errors import BadInput
from engines.training.checkpoint import Checkpoints, RunState
from engines.training.data import DataOrder
from engines.training.report import Reporter
from engines.training.settings import TrainSettings

#: Settings that may differ between the attempts of one run: they do not change what is learned.
_FREE_SETTINGS = (
    "log_every",
    "threads",
    "checkpoint_every",
    "max_seconds",
    "patience",
    "micro_batch",
    "spoken_checkpoints",
)
#: Settings that runs were begun without, and the value that those go on with.
_LATER: Mapping[str, object] = {"parent_share": 0.0}


def start(
    checkpoints: Checkpoints,
    fingerprint: str,
    module: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    settings: TrainSettings,
    report: Reporter,
) -> RunState:
    """The state to go on from, with its weights and optimizer state loaded. Raises BadInput for another run's."""
    checkpoints.sweep()
    state, passed_over = checkpoints.newest()
    for sentence in passed_over:
        report.log("warning", sentence)
    if state is None:
        return RunState(micro_batch=min(settings.micro_batch, settings.batch_size), fingerprint=fingerprint)
    if state.fingerprint != fingerprint:
        raise BadInput("This run folder belongs to a training with other clips or settings.", "Start a new run.")
    checkpoints.load_weights(state.step, module)
    checkpoints.load_optimizer(state.step, optimizer)
    if not state.ended:
        report.log("info", f"Went on from the checkpoint of step {state.step}.")
    return replace(state, micro_batch=min(state.micro_batch, settings.micro_batch))


def fingerprint(order: DataOrder, settings: TrainSettings, n_held_out: int) -> str:
    """Of all that shapes what a run learns: the order of its clips, its settings, how many clips are held out."""
    told = {name: value for name, value in settings.to_json().items() if name not in _FREE_SETTINGS}
    shaping = {name: value for name, value in told.items() if name not in _LATER or value != _LATER[name]}
    return hashlib.sha256(json.dumps([order.fingerprint(), shaping, n_held_out], sort_keys=True).encode()).hexdigest()[
        :16
    ]
