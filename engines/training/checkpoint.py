"""Checkpoints on disk: whole or not there, checked when read, without pickles.

    checkpoints/step-000120/state.json             where the run is, and size and CRC-32 of the other files
                            model.safetensors      trainable parameters and buffers
                            optimizer.safetensors  optimizer tensors, named "<parameter index>.<name>"; absent where
                            only weights are kept

A checkpoint is written into a `.tmp-…` folder, every file and folder fsynced, then renamed. Random numbers need no
state: each step's come from (seed, step). Nor does the learning rate: it is a function of the step.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from engines.errors import EngineError
from engines.files import TEMPORARY, disk_full_is_a_sentence, make_folder, sync_folder
from engines.tensor_file import crc32, write_tensors
from engines.training.data import START, Position

#: Tensors of a model by name.
Weights = Mapping[str, torch.Tensor]
#: Raised when what is written changes; older checkpoints are then refused with a sentence.
FORMAT = 1
#: Checkpoints to go on from that are kept: should the newest be damaged, there is one before it.
KEPT = 2


@dataclass(frozen=True)
class RunState:
    """Where a run is, apart from weights and optimizer: all that a resumed run needs to go on as if it had never
    stopped."""

    step: int = 0  #: updates done
    position: Position = START  #: next batch
    micro_batch: int = 1  #: clips in one forward pass, after any halving
    best_step: int | None = None  #: None: no held-out measurement yet
    best_loss: float | None = None
    best_losses: Mapping[str, float] = dataclasses.field(default_factory=dict)  #: all held-out losses at the best step
    start_losses: Mapping[str, float] = dataclasses.field(
        default_factory=dict
    )  #: and at step 0, of the model as it came
    evaluations_without_gain: int = 0
    skipped_in_a_row: int = 0  #: updates skipped because loss or gradient was not a number
    seconds: float = 0.0  #: training time, pauses not counted
    ended: str = ""  #: why training is over, a sentence; empty while it goes on
    stopped_early: bool = False
    fingerprint: str = ""  #: of data order and settings: another training's checkpoint is not mistaken for ours

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> RunState:
        return cls(**{**values, "position": Position(**values["position"])})


class DamagedCheckpoint(EngineError):
    """The folder is not a checkpoint that can be used."""


class Checkpoints:
    """The checkpoints of one run, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def sweep(self) -> None:
        """Remove what a killed process left half-written."""
        make_folder(self.folder)
        for leftover in self.folder.glob(f"{TEMPORARY}*"):
            shutil.rmtree(leftover, ignore_errors=True)

    def path(self, step: int) -> Path:
        return self.folder / f"step-{step:06d}"

    def steps(self) -> list[int]:
        """Steps with a checkpoint, ascending; not checked."""
        return sorted(
            int(path.name.removeprefix("step-")) for path in self.folder.glob("step-*") if path.name[5:].isdigit()
        )

    def save(self, state: RunState, weights: Weights, optimizer: torch.optim.Optimizer | None) -> Path:
        """Write a checkpoint; without `optimizer` only the weights (a best step that no run goes on from).

        Raises DiskFull: then nothing of it is left, and the checkpoints before it are untouched.
        """
        final = self.path(state.step)
        aside = self.folder / f"{TEMPORARY}{final.name}"
        with disk_full_is_a_sentence(f"the checkpoint of step {state.step}"):
            try:
                shutil.rmtree(aside, ignore_errors=True)
                make_folder(self.folder)
                aside.mkdir()
                files = {"model.safetensors": write_tensors(aside / "model.safetensors", weights)}
                if optimizer is not None:
                    files["optimizer.safetensors"] = write_tensors(
                        aside / "optimizer.safetensors", _optimizer_tensors(optimizer)
                    )
                _write_json(aside / "state.json", {"format": FORMAT, "files": files, "state": state.to_json()})
                sync_folder(aside)
                if final.exists():  # the best step's weights, or a step repeated after a resume: the same weights again
                    self._remove(state.step)
                aside.replace(final)
            except BaseException:
                shutil.rmtree(aside, ignore_errors=True)
                raise
            sync_folder(self.folder)
        return final

    def prune(self, now: RunState, spaced: Collection[int] = ()) -> None:
        """Keep the last two that a run can go on from, the best steps that these and the run's present state refer to,
        and the `spaced` steps."""
        resumable, keep = [], {now.best_step, *spaced}
        for step in self.steps():
            try:
                record = _read_json(self.path(step))
            except DamagedCheckpoint:
                continue
            if step <= now.step and "optimizer.safetensors" in record["files"]:
                resumable.append((step, record["state"]["best_step"]))
        for step, best in resumable[-KEPT:]:
            keep |= {step, best}
        for step in self.steps():
            if step not in keep:
                self._remove(step)

    def newest(self) -> tuple[RunState | None, list[str]]:
        """State of the newest checkpoint that can be gone on from, if there is one, and a sentence for each that was
        passed over."""
        passed_over: list[str] = []
        for step in reversed(self.steps()):
            try:
                record = _read_json(self.path(step))
                if "optimizer.safetensors" not in record["files"]:
                    continue
                self._check(step, record)
                state = RunState.from_json(record["state"])
                if state.best_step is not None and state.best_step != step:
                    self._check(state.best_step, _read_json(self.path(state.best_step)))
                return state, passed_over
            except (DamagedCheckpoint, KeyError, TypeError, ValueError) as error:
                passed_over.append(f"The checkpoint of step {step} is damaged and is skipped: {error}")
        return None, passed_over

    def load_weights(self, step: int, module: torch.nn.Module) -> None:
        """Copy a checkpoint's weights into `module`, in place. Raises DamagedCheckpoint."""
        stored = self._load(step, "model.safetensors")
        ours = weights_of(module)
        unlike = [name for name in stored.keys() | ours.keys() if _kind(stored.get(name)) != _kind(ours.get(name))]
        if unlike:
            raise DamagedCheckpoint(
                f"The checkpoint of step {step} belongs to another model ({min(unlike)} differs).", "Start a new run."
            )
        with torch.no_grad():
            for name, tensor in ours.items():
                tensor.copy_(stored[name])

    def load_optimizer(self, step: int, optimizer: torch.optim.Optimizer) -> None:
        """Copy a checkpoint's optimizer state into `optimizer`. Raises DamagedCheckpoint."""
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in self._load(step, "optimizer.safetensors").items():
            index, _, key = name.partition(".")
            parameter = parameters[int(index)]
            if (
                tensor.shape == parameter.shape
            ):  # fused AdamW walks memory: its state must be laid out as a transposed parameter is
                tensor = torch.empty_like(parameter, dtype=tensor.dtype, device="cpu").copy_(tensor)
            state.setdefault(int(index), {})[key] = tensor
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})

    def _remove(self, step: int) -> None:
        """Out of sight first, so that a kill in between leaves no half checkpoint under a good name."""
        doomed = self.folder / f"{TEMPORARY}removed-{step}"
        shutil.rmtree(doomed, ignore_errors=True)
        self.path(step).rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)

    def _load(self, step: int, name: str) -> dict[str, torch.Tensor]:
        try:
            return load_file(self.path(step) / name)
        except (OSError, SafetensorError) as error:
            raise DamagedCheckpoint(f"{name} of step {step} cannot be read ({error}).", "Start a new run.") from error

    def _check(self, step: int, record: Mapping[str, Any]) -> None:
        for name, expected in record["files"].items():
            path = self.path(step) / name
            if not path.is_file() or path.stat().st_size != expected["size"] or crc32(path) != expected["crc32"]:
                raise DamagedCheckpoint(f"{name} is not what was written.")


def weights_of(module: torch.nn.Module) -> Weights:
    """What training changes, the module's own tensors: parameters that take a gradient, and buffers. Frozen weights
    stay in the base."""
    weights = {name: parameter.detach() for name, parameter in module.named_parameters() if parameter.requires_grad}
    return weights | {name: buffer.detach() for name, buffer in module.named_buffers() if buffer is not None}


def copied(weights: Weights) -> Weights:
    """A copy in host memory, which further training does not change."""
    return {name: tensor.to("cpu", copy=True) for name, tensor in weights.items()}


def _kind(tensor: torch.Tensor | None) -> object:
    return None if tensor is None else (tensor.shape, tensor.dtype)


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    states = optimizer.state_dict()["state"]
    return {
        f"{index}.{name}": value
        for index, state in states.items()
        for name, value in state.items()
        if torch.is_tensor(value)
    }


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    with path.open("w") as file:
        json.dump(values, file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def _read_json(folder: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads((folder / "state.json").read_text())
    except (OSError, ValueError) as error:
        raise DamagedCheckpoint(f"its state.json cannot be read ({error}).") from error
    if record.get("format") != FORMAT:
        raise DamagedCheckpoint(f"its format is {record.get('format')}, not {FORMAT}.")
    return record
