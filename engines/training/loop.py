"""The training loop, for every engine. Reads from top to bottom.

A step is: batch → micro-batches → losses → gradients, weighted by clips → clip → AdamW. Around it: held-out measurement, checkpoints, early
stop, out-of-memory back-off, and whoever steers from outside. What is random in a step depends on (seed, step) alone, so a step that is
repeated, after a kill, a pause or an out-of-memory, is the same step.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from engines.base import Engine, Features, Model
from engines.errors import BadInput, Cancelled, DiskFull, EngineError, OutOfMemory
from engines.training import memory
from engines.training.checkpoint import Checkpoints, RunState
from engines.training.control import Command, Control, Free, Stopped
from engines.training.data import DataOrder
from engines.training.report import Reporter, Silent
from engines.training.schedule import learning_rate
from engines.training.settings import TrainSettings
from engines.training.tensorboard import EventFiles

#: AdamW's averaging: the second is shorter than usual, as runs are short.
BETAS = (0.9, 0.99)
#: Updates in a row without a finite loss after which a run is given up.
MAX_SKIPPED = 5
#: Seconds between progress sentences.
PROGRESS_EVERY = 1.0
#: Settings that may differ between the attempts of one run: they do not change what is learned.
_FREE_SETTINGS = ("log_every", "threads", "checkpoint_every", "max_seconds", "patience")


@dataclass(frozen=True)
class TrainResult:
    """How a run ended. The model that was trained holds the weights of `best_step`."""

    steps: int  #: updates done
    best_step: int  #: whose weights were kept
    best_loss: float | None  #: held-out loss there; None without held-out clips
    best_losses: dict[str, float]  #: all held-out losses there, by name
    stopped_early: bool
    ended: str  #: why it ended, a sentence
    seconds: float  #: training time over all attempts, pauses not counted
    checkpoint: Path  #: folder of the kept weights


def train(
    engine: Engine,
    model: Model,
    clips: Sequence[Features],
    held_out: Sequence[Features],
    settings: TrainSettings,
    run_dir: Path,
    control: Control | None = None,
    report: Reporter | None = None,
    *,
    old_clips: Sequence[Features] = (),
) -> TrainResult:
    """Train `model` in place on `clips` (and a share of `old_clips`), and leave the best weights by held-out loss in it.

    Goes on from the newest whole checkpoint under `run_dir`, if there is one: on a CPU the weights come out bit for bit as if nothing had
    happened (same machine, same number of threads). Writes `run_dir/checkpoints` and `run_dir/tensorboard`.

    Raises BadInput (nothing to train on, run folder of another run), Cancelled or Stopped (asked from outside; a checkpoint is written),
    OutOfMemory (even one clip does not fit), DiskFull (the last checkpoint is intact), EngineError (the loss is not a number any more).
    """
    control, report = control or Free(), report or Silent()
    if not clips:
        raise BadInput("There are no clips to train on.", "Add recordings, or look at the reasons why clips were dropped.")
    if not held_out:
        report.log("warning", "There are no held-out clips: the last step's weights will be kept, and training cannot stop early.")

    if settings.threads:
        torch.set_num_threads(settings.threads)

    # --- what trains, on what, in which order
    device = model.device
    module = model.module
    module.train()
    parameters = engine.trainable(model, settings.lora)
    optimizer = _adamw(parameters, settings, device)
    everything = [*clips, *old_clips]
    order = DataOrder(
        [engine.length(clip) for clip in clips],
        [engine.length(clip) for clip in old_clips],
        settings.batch_size,
        settings.old_clip_share,
        settings.seed,
    )

    # --- where the run is: at its start, or where a checkpoint says
    fingerprint = _fingerprint(order, settings, len(held_out))
    checkpoints = Checkpoints(run_dir / "checkpoints")
    checkpoints.sweep()
    state, passed_over = checkpoints.newest()
    for sentence in passed_over:
        report.log("warning", sentence)
    if state.fingerprint:
        if state.fingerprint != fingerprint:
            raise BadInput("This run folder belongs to a training with other clips or settings.", "Start a new run.")
        checkpoints.load_weights(state.step, module)
        checkpoints.load_optimizer(state.step, optimizer)
        report.log("info", f"Went on from the checkpoint of step {state.step}.")
    else:
        state = RunState(micro_batch=min(settings.micro_batch, settings.batch_size), fingerprint=fingerprint)

    events = EventFiles(run_dir / "tensorboard", state.step + 1)
    clock = _Clock(state.seconds)
    told = 0.0

    def tell(step: int, values: dict[str, float]) -> None:
        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        report.points(step, finite)
        events.scalars(step, finite)

    def save(state: RunState, resumable: bool = True) -> None:
        checkpoints.save(dataclasses.replace(state, seconds=clock.seconds()), module, optimizer if resumable else None)
        checkpoints.prune(state)
        report.checkpoint(state.step)

    def measure(state: RunState) -> RunState:
        """Held-out losses; remembers the weights if they are the best so far."""
        losses = _held_out_losses(engine, model, held_out, settings)
        tell(state.step, {f"held_out/{name}": value for name, value in losses.items()})
        if math.isfinite(losses["loss"]) and (state.best_loss is None or losses["loss"] < state.best_loss):
            state = dataclasses.replace(
                state, best_step=state.step, best_loss=losses["loss"], best_losses=losses, evaluations_without_gain=0
            )
            save(state, resumable=False)
            return state
        return dataclasses.replace(state, evaluations_without_gain=state.evaluations_without_gain + 1)

    try:
        if state.step == 0 and held_out and state.best_step is None:
            state = measure(state)  # the parent itself: a training that never beats it gives it back

        while not state.ended:
            # --- whoever steers
            command = control.poll()
            if command in (Command.PAUSE, Command.YIELD):
                with clock.paused():
                    _wait(control, command, module, optimizer, device, report)
                continue
            if command in (Command.CANCEL, Command.STOP):
                _save_on_leaving(save, state, report)
                if command is Command.STOP:
                    raise Stopped(f"The training stopped at step {state.step} and goes on from there later.")
                raise Cancelled(f"The training was cancelled at step {state.step}.")

            # --- one step
            batch, position = order.at(state.position)
            step = state.step + 1
            rate = learning_rate(step, settings)
            for group in optimizer.param_groups:
                group["lr"] = rate
            began = time.perf_counter()
            micro_batch = state.micro_batch
            while True:
                _seed(settings.seed, step)
                pieces = _pieces([everything[i] for i in batch], micro_batch)
                try:
                    losses, norm, updated = _step(engine, model, pieces, len(batch), parameters, optimizer, settings)
                    break
                except Exception as error:
                    if not memory.ran_out(error):
                        raise
                    if micro_batch == 1:
                        raise OutOfMemory(
                            "Memory ran out in training, even with one clip at a time.", "Free memory, or use LoRA or shorter clips."
                        ) from error
                # outside the except block, so that the failed pass's tensors are gone
                optimizer.zero_grad(set_to_none=True)
                memory.release(device)
                micro_batch = -(-min(micro_batch, len(batch)) // 2)
                report.log(
                    "warning",
                    f"Memory ran out at step {step}: going on with {micro_batch} clips at a time, {settings.batch_size} a step as before.",
                )
            seconds = time.perf_counter() - began
            skipped = 0 if updated else state.skipped_in_a_row + 1
            state = dataclasses.replace(state, step=step, position=position, micro_batch=micro_batch, skipped_in_a_row=skipped)

            # --- what there is to say
            if not updated:
                report.log("warning", f"The loss or its gradient was not a number at step {step}: that update was skipped.")
                if skipped >= MAX_SKIPPED:
                    raise EngineError(
                        f"The loss was not a number {skipped} steps in a row, up to step {step}.",
                        "Lower the learning rate, or look for broken clips in the dataset.",
                    )
            if step % settings.log_every == 0:
                tell(
                    step,
                    {
                        **{f"train/{name}": value for name, value in losses.items()},
                        "lr": rate,
                        "grad_norm": norm,
                        "seconds_per_step": seconds,
                        "clips_per_second": len(batch) / seconds,
                        "memory": float(memory.taken(device)),
                    },
                )
            if time.perf_counter() - told >= PROGRESS_EVERY:
                told = time.perf_counter()
                left = (settings.steps - step) * seconds
                report.progress(step, settings.steps, f"loss {losses['loss']:.4g} · {_duration(left)} left")

            # --- at fixed steps: measure, stop early, write down
            if held_out and (step % settings.eval_every == 0 or step == settings.steps):
                state = measure(state)
                if settings.patience and state.evaluations_without_gain >= settings.patience:
                    sentence = f"No gain since step {state.best_step}; stopped at step {step}."
                    state = dataclasses.replace(state, ended=sentence, stopped_early=True)
            if not state.ended and step >= settings.steps:
                state = dataclasses.replace(state, ended=f"All {step} steps done.")
            if not state.ended and settings.max_seconds and clock.seconds() >= settings.max_seconds:
                if held_out and step % settings.eval_every:
                    state = measure(state)
                state = dataclasses.replace(state, ended=f"The time of {_duration(settings.max_seconds)} is over at step {step}.")
            if state.ended or step % settings.checkpoint_every == 0:
                save(state)
    finally:
        events.close()

    # --- the best weights are the result
    best = state.best_step if state.best_step is not None else state.step
    checkpoints.load_weights(best, module)
    module.eval()
    report.progress(state.step, settings.steps, state.ended)
    report.log("info", f"{state.ended} Kept the weights of step {best}.")
    return TrainResult(
        steps=state.step,
        best_step=best,
        best_loss=state.best_loss,
        best_losses=dict(state.best_losses),
        stopped_early=state.stopped_early,
        ended=state.ended,
        seconds=clock.seconds(),
        checkpoint=checkpoints.path(best),
    )


def _step(
    engine: Engine,
    model: Model,
    pieces: Sequence[Sequence[Features]],
    n_clips: int,
    parameters: Sequence[torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
    settings: TrainSettings,
) -> tuple[dict[str, float], float, bool]:
    """One update: losses by name, gradient norm before clipping, and whether weights were changed."""
    optimizer.zero_grad(set_to_none=True)
    sums: dict[str, torch.Tensor] = {}
    for piece in pieces:
        batch = engine.collate(piece)
        with _precision(settings, model.device):
            losses = engine.losses(model, batch)
        weight = len(piece) / n_clips  # so that gradients add up to the whole batch's
        torch.autograd.backward(losses["loss"] * weight)
        for name, value in losses.items():
            part = value.detach().float() * weight
            sums[name] = sums[name] + part if name in sums else part
    norm = torch.nn.utils.clip_grad_norm_(parameters, settings.grad_clip or math.inf, foreach=True)
    # the one time in a step that the card is waited for
    *values, norm_value = torch.stack([*sums.values(), norm.float()]).tolist()
    result = dict(zip(sums, values, strict=True))
    if not (math.isfinite(norm_value) and math.isfinite(result["loss"])):
        return result, norm_value, False
    optimizer.step()
    return result, norm_value, True


def _held_out_losses(engine: Engine, model: Model, clips: Sequence[Features], settings: TrainSettings) -> dict[str, float]:
    """Mean losses over the held-out clips, as training measures them but for dropout. Training's own random numbers are not touched."""
    modes = [(part, part.training) for part in model.module.modules()]
    model.module.eval()
    by_length = sorted(range(len(clips)), key=lambda i: (engine.length(clips[i]), i))
    size = min(settings.micro_batch, settings.batch_size)
    sums: dict[str, float] = {}
    try:
        with torch.no_grad(), _precision(settings, model.device):
            start = 0
            while start < len(by_length):
                piece = [clips[i] for i in by_length[start : start + size]]
                _seed(settings.seed, 0)
                try:
                    losses = {name: float(value) for name, value in engine.losses(model, engine.collate(piece)).items()}
                except Exception as error:
                    if not memory.ran_out(error):
                        raise
                    if size == 1:
                        raise OutOfMemory(
                            "Memory ran out while measuring one held-out clip.", "Free memory, or leave very long clips out."
                        ) from error
                    memory.release(model.device)
                    size = -(-size // 2)
                    continue
                for name, value in losses.items():
                    sums[name] = sums.get(name, 0.0) + value * len(piece) / len(clips)
                start += len(piece)
    finally:
        for part, mode in modes:
            part.training = mode
    return sums


def _adamw(parameters: Sequence[torch.nn.Parameter], settings: TrainSettings, device: torch.device) -> torch.optim.AdamW:
    if not parameters:
        raise EngineError("The engine names no parameters to train.")
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    fused = device.type in ("cpu", "cuda") and all(p.is_floating_point() for p in parameters)
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=settings.learning_rate, betas=BETAS, fused=fused)


def _wait(
    control: Control, command: Command, module: torch.nn.Module, optimizer: torch.optim.Optimizer, device: torch.device, report: Reporter
) -> None:
    """Block until resumed. YIELD lends the card's memory out meanwhile."""
    if command is Command.PAUSE or device.type == "cpu":
        control.wait()
        return
    optimizer.zero_grad(set_to_none=True)
    memory.move(module, optimizer, torch.device("cpu"))
    memory.release(device)
    try:
        control.wait()
    finally:
        memory.move(module, optimizer, device)


def _save_on_leaving(save: Callable[[RunState], None], state: RunState, report: Reporter) -> None:
    try:
        save(state)
    except DiskFull as error:  # leaving was asked for: the checkpoint before this one has to do
        report.log("warning", str(error))


def _pieces(clips: Sequence[Features], micro_batch: int) -> list[Sequence[Features]]:
    return [clips[start : start + micro_batch] for start in range(0, len(clips), micro_batch)]


def _seed(seed: int, step: int) -> None:
    """All random numbers of a step follow from (seed, step); step 0 is held-out measurement."""
    mixed = int.from_bytes(hashlib.sha256(f"{seed} {step}".encode()).digest()[:4], "little")
    torch.manual_seed(mixed)
    np.random.seed(mixed)
    random.seed(mixed)


def _precision(settings: TrainSettings, device: torch.device) -> torch.autocast | nullcontext[None]:
    return torch.autocast(device.type, dtype=torch.bfloat16) if settings.precision == "bf16" else nullcontext()


def _fingerprint(order: DataOrder, settings: TrainSettings, n_held_out: int) -> str:
    shaping = {name: value for name, value in settings.to_json().items() if name not in _FREE_SETTINGS}
    return hashlib.sha256(json.dumps([order.fingerprint(), shaping, n_held_out], sort_keys=True).encode()).hexdigest()[:16]


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{math.ceil(seconds)} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


class _Clock:
    """Training time over all attempts, pauses not counted."""

    def __init__(self, before: float) -> None:
        self._start = time.perf_counter() - before

    def seconds(self) -> float:
        return time.perf_counter() - self._start

    @contextmanager
    def paused(self) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self._start += time.perf_counter() - began
