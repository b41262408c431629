"""The training loop, for every engine. Reads from top to bottom.

A step is: batch → micro-batches → losses → gradients, weighted by clips → clip → AdamW. Around it: held-out
measurement, checkpoints, early stop, out-of-memory back-off, and whoever steers from outside. What is random in a step
depends on (seed, step) alone, so a step that is repeated, after a kill, a pause or an out-of-memory, is the same step.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from engines.base import Features, Learns, TrainableModel
from engines.errors import BadInput, Cancelled, DiskFull, EngineError, OutOfMemory
from engines.training import gain, memory
from engines.training.checkpoint import Checkpoints, RunState, Weights, copied, weights_of
from engines.training.clock import Clock, duration
from engines.training.control import Command, Control, Free, Stopped
from engines.training.data import DataOrder
from engines.training.feed import Feed
from engines.training.held_out import held_out_losses
from engines.training.report import Reporter, Silent
from engines.training.schedule import learning_rate
from engines.training.settings import TrainSettings
from engines.training.step import StepResult, adamw, seed_everything, update
from engines.training.tensorboard import EventFiles

#: Updates in a row without a finite loss after which a run is given up.
MAX_SKIPPED = 5
#: Seconds between progress sentences.
PROGRESS_EVERY = 0.5
#: Settings that may differ between the attempts of one run: they do not change what is learned.
_FREE_SETTINGS = ("log_every", "threads", "checkpoint_every", "max_seconds", "patience", "micro_batch")


@dataclass(frozen=True)
class TrainResult:
    """How a run ended. The model that was trained holds the weights of `best_step`."""

    steps: int  #: updates done
    best_step: int  #: whose weights were kept; 0 is the model that came in
    best_loss: float | None  #: held-out loss there; None without held-out clips
    best_losses: Mapping[str, float]  #: all held-out losses there, by name
    start_losses: Mapping[str, float]  #: the same of the model that came in
    stopped_early: bool  #: because held-out loss had stopped falling
    ended: str  #: why it ended, a sentence
    seconds: float  #: training time over all attempts, pauses not counted
    checkpoint: Path  #: folder of the kept weights


def train(
    engine: Learns,
    model: TrainableModel,
    clips: Sequence[Features],
    held_out: Sequence[Features],
    settings: TrainSettings,
    run_dir: Path,
    control: Control | None = None,
    report: Reporter | None = None,
    *,
    old_clips: Sequence[Features] = (),
    base_losses: Mapping[str, float] | None = None,
) -> TrainResult:
    """Train `model` in place on `clips` (and a share of `old_clips`), and leave the best weights by held-out loss in
    it.

    Goes on from the newest whole checkpoint under `run_dir`, if there is one: on a CPU the weights come out bit for bit
    as if nothing had happened (same machine, same number of threads). Writes `run_dir/checkpoints` and
    `run_dir/tensorboard`. `base_losses` are the held-out losses of the engine's base, for a training that goes on from
    another model: its gain is told against both.

    Raises BadInput (nothing to train on, run folder of another run), Cancelled or Stopped (asked from outside; a
    checkpoint is written), OutOfMemory (even one clip does not fit), DiskFull (the last checkpoint is intact),
    EngineError (the loss is not a number any more).
    """
    control, report = control or Free(), report or Silent()
    if not clips:
        raise BadInput(
            "There are no clips to train on.", "Add recordings, or look at the reasons why clips were dropped."
        )
    if not held_out:
        report.log(
            "warning",
            "There are no held-out clips: the last step's weights will be kept, and training cannot stop early.",
        )
    if settings.threads:
        torch.set_num_threads(settings.threads)

    # --- what trains, on what, in which order
    device, module = model.device, model.module
    module.train()
    parameters = engine.trainable(model, settings.lora)
    optimizer = adamw(parameters, settings, device)
    order = DataOrder(
        [engine.length(clip) for clip in clips],
        [engine.length(clip) for clip in old_clips],
        settings.batch_size,
        settings.old_clip_share,
        settings.seed,
    )
    feed = Feed(engine, [*clips, *old_clips], order)

    # --- where the run is: at its start, or where a checkpoint says
    checkpoints = Checkpoints(run_dir / "checkpoints")
    state = _start(checkpoints, _fingerprint(order, settings, len(held_out)), module, optimizer, settings, report)
    events = EventFiles(run_dir / "tensorboard", state.step + 1)
    clock = Clock(state.seconds)
    best_weights: Weights | None = None  # in host memory until the next checkpoint writes them down
    reported = -math.inf  # when progress was

    def report_points(step: int, values: Mapping[str, float]) -> None:
        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        report.points(step, finite)
        events.scalars(step, finite)

    def save(state: RunState) -> None:
        nonlocal best_weights
        if best_weights and state.best_step not in (None, state.step):
            checkpoints.save(replace(state, step=state.best_step), best_weights, None)
        best_weights = None
        checkpoints.save(replace(state, seconds=clock.seconds()), weights_of(module), optimizer)
        checkpoints.prune(state)
        report.checkpoint(state.step)

    def measure(state: RunState) -> RunState:
        nonlocal best_weights
        losses = held_out_losses(engine, model, held_out, settings)
        if state.step == 0:
            state = replace(state, start_losses=losses)
        references = _references(state, base_losses)
        report_points(
            state.step,
            {f"held_out/{name}": value for name, value in losses.items()} | gain.gains(losses["loss"], references),
        )
        if math.isfinite(losses["loss"]) and (state.best_loss is None or losses["loss"] < state.best_loss):
            best_weights = copied(weights_of(module))
            state = replace(
                state, best_step=state.step, best_loss=losses["loss"], best_losses=losses, evaluations_without_gain=0
            )
        else:
            state = replace(state, evaluations_without_gain=state.evaluations_without_gain + 1)
        if state.step:
            report.log("info", gain.sentence(state.step, losses, references, state.best_step))
        return state

    try:
        if state.step == 0 and held_out:  # the model as it came: a training that never beats it gives it back
            state = measure(state)

        while not state.ended:
            # --- whoever steers
            command = control.poll()
            if command in (Command.PAUSE, Command.YIELD):
                with clock.paused():
                    _wait(control, command, module, optimizer, device)
                continue
            if command in (Command.CANCEL, Command.STOP):
                try:
                    if state.step:  # before the first step there is nothing to keep
                        save(state)
                except DiskFull as error:  # leaving was asked for: the checkpoint before this one has to do
                    report.log("warning", str(error))
                if command is Command.STOP:
                    raise Stopped(f"The training stopped at step {state.step} and goes on from there later.")
                raise Cancelled(f"The training was cancelled at step {state.step}.")

            # --- one update, in as small pieces as memory asks for
            step, began = state.step + 1, time.perf_counter()
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, settings)
            result: StepResult | None = None
            micro_batch = state.micro_batch
            while result is None:
                data = feed.step(state.position, micro_batch)
                seed_everything(settings.seed, step)
                try:
                    result = update(engine, model, data, parameters, optimizer, settings, meanwhile=feed.prepare_next)
                except Exception as error:
                    if not memory.ran_out(error):
                        raise
                    spared = micro_batch == 1 and memory.checkpoint_activations(module)
                    if micro_batch == 1 and not spared:
                        sentence = "Memory ran out in training, even with one clip at a time."
                        raise OutOfMemory(
                            sentence, "Free memory on the device, or train with LoRA or shorter clips."
                        ) from error
                if result is None:  # here, and not above, where the exception still holds the failed pass's tensors
                    optimizer.zero_grad(set_to_none=True)
                    memory.release(device)
                    if spared:
                        report.log(
                            "warning",
                            f"Memory ran out at step {step}: from now on activations are recomputed, not kept.",
                        )
                        continue
                    micro_batch = -(-min(micro_batch, data.n_clips) // 2)
                    times = -(-settings.batch_size // micro_batch)
                    report.log(
                        "warning",
                        f"Memory ran out at step {step}: from now on {times} × {micro_batch} clips make one step.",
                    )
            state = replace(
                state,
                step=step,
                position=data.after,
                micro_batch=micro_batch,
                skipped_in_a_row=0 if result.updated else state.skipped_in_a_row + 1,
            )
            seconds = time.perf_counter() - began

            # --- what there is to say of it
            if not result.updated:
                report.log(
                    "warning", f"The loss or its gradient was not a number at step {step}: that update was skipped."
                )
            if state.skipped_in_a_row >= MAX_SKIPPED:
                sentence = f"The loss was not a number {MAX_SKIPPED} steps in a row, up to step {step}."
                raise EngineError(sentence, "Lower the learning rate, or look for broken clips in the dataset.")
            if step % settings.log_every == 0:
                values = {f"train/{name}": value for name, value in result.losses.items()}
                values |= {
                    "lr": learning_rate(step, settings),
                    "grad_norm": result.grad_norm,
                    "memory": float(memory.taken(device)),
                }
                values |= {"seconds_per_step": seconds, "clips_per_second": data.n_clips / seconds}
                report_points(step, values)
            if time.perf_counter() - reported >= PROGRESS_EVERY:
                reported = time.perf_counter()
                left = duration((settings.steps - step) * clock.seconds() / step)
                report.progress(
                    step,
                    settings.steps,
                    f"step {step} of {settings.steps} · loss {result.losses['loss']:.4g} · {left} left",
                )

            # --- at fixed steps: measure, end early, write down
            out_of_time = bool(settings.max_seconds) and clock.seconds() >= settings.max_seconds
            last = step >= settings.steps or out_of_time
            if held_out and (last or step % settings.eval_every == 0):
                state = measure(state)
            if step >= settings.steps:
                state = replace(state, ended=f"All {step} steps done.")
            elif out_of_time:
                state = replace(state, ended=f"The time of {duration(settings.max_seconds)} was over at step {step}.")
            elif settings.patience and state.evaluations_without_gain >= settings.patience:
                state = replace(
                    state, ended=f"No gain since step {state.best_step}; stopped at step {step}.", stopped_early=True
                )
            if state.ended or step % settings.checkpoint_every == 0:
                save(state)
    finally:
        events.close()

    # --- the best weights are the result
    best = state.step if state.best_step is None else state.best_step
    checkpoints.load_weights(best, module)
    module.eval()
    report.progress(state.step, settings.steps, state.ended)
    report.log("info", f"{state.ended} Kept the weights of step {best}.")
    return TrainResult(
        steps=state.step,
        best_step=best,
        best_loss=state.best_loss,
        best_losses=dict(state.best_losses),
        start_losses=dict(state.start_losses),
        stopped_early=state.stopped_early,
        ended=state.ended,
        seconds=clock.seconds(),
        checkpoint=checkpoints.path(best),
    )


def _start(
    checkpoints: Checkpoints,
    fingerprint: str,
    module: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    settings: TrainSettings,
    report: Reporter,
) -> RunState:
    """The state to go on from, with its weights and optimizer state loaded."""
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


def _references(state: RunState, base_losses: Mapping[str, float] | None) -> dict[str, float]:
    """What a held-out loss is compared with: the model that came in, and the base where that is another one."""
    if base_losses is None:
        known = {"base": state.start_losses.get("loss")}
    else:
        known = {"parent": state.start_losses.get("loss"), "base": base_losses.get("loss")}
    return {name: loss for name, loss in known.items() if loss is not None}


def _wait(
    control: Control, command: Command, module: torch.nn.Module, optimizer: torch.optim.Optimizer, device: torch.device
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


def _fingerprint(order: DataOrder, settings: TrainSettings, n_held_out: int) -> str:
    shaping = {name: value for name, value in settings.to_json().items() if name not in _FREE_SETTINGS}
    return hashlib.sha256(json.dumps([order.fingerprint(), shaping, n_held_out], sort_keys=True).encode()).hexdigest()[
        :16
    ]
