"""The training loop, for every engine. Reads from top to bottom.

A step is: batch → micro-batches → losses → gradients, weighted by clips → clip → AdamW. Around it: held-out
measurement, checkpoints, early stop, out-of-memory back-off, and whoever steers from outside. What is random in a step
depends on (seed, step) alone, so a step that is repeated, after a kill, a pause or an out-of-memory, is the same step.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import torch

from engines.base import Features, Learns, TrainableModel
from engines.errors import BadInput, Cancelled, DiskFull, EngineError
from engines.fast_paths import learning
from engines.fast_paths.record import FastPath
from engines.training import gain, goes_on, memory, rehearsal
from engines.training.checkpoint import Checkpoints, RunState, Weights, copied, weights_of
from engines.training.clock import Clock, duration
from engines.training.control import Command, Control, Free, Stopped
from engines.training.data import DataOrder
from engines.training.feed import Feed, Step
from engines.training.held_out import held_out_losses
from engines.training.pieces import Pieces
from engines.training.report import Reporter, Silent
from engines.training.schedule import learning_rate
from engines.training.settings import TrainSettings
from engines.training.step import StepResult, adamw, seed_everything, update, use_threads
from engines.training.tensorboard import EventFiles

#: Updates in a row without a finite loss after which a run is given up.
MAX_SKIPPED = 5
#: Seconds between progress sentences.
PROGRESS_EVERY = 0.5


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
    kept: tuple[int, ...]  #: steps whose weights are on disk: the best, the spaced ones, and the last; ascending


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
        hint = "Add recordings, or look at the reasons why clips were dropped."
        raise BadInput("There are no clips to train on.", hint)
    if not held_out:
        sentence = "There are no held-out clips: the last step's weights will be kept, and training cannot stop early."
        report.log("warning", sentence)
    use_threads(settings)
    order = DataOrder(
        [engine.length(clip) for clip in clips],
        [engine.length(clip) for clip in old_clips],
        settings.batch_size,
        settings.old_clip_share,
        settings.seed,
    )
    if learning.allowed(FastPath.PINNED, model.device):
        feed = Feed(engine, [*clips, *old_clips], order, learning.pinned)
    else:
        feed = Feed(engine, [*clips, *old_clips], order)
    with learning.quick_products(model.device):
        return _Training(engine, model, feed, held_out, settings, run_dir, control, report, base_losses).run()


class _Training:
    """One attempt at a run: what trains, on what, where it is, and whom it tells."""

    def __init__(
        self,
        engine: Learns,
        model: TrainableModel,
        feed: Feed,
        held_out: Sequence[Features],
        settings: TrainSettings,
        run_dir: Path,
        control: Control,
        report: Reporter,
        base_losses: Mapping[str, float] | None,
    ) -> None:
        self.engine, self.model, self.feed, self.held_out = engine, model, feed, held_out
        self.settings, self.control, self.report, self.base_losses = settings, control, report, base_losses
        self.device, self.module = model.device, model.module
        self.parameters = engine.trainable(model, settings.lora)
        self.module.train()  # after: what an engine folds in leaves the model as it speaks, without dropout
        self.optimizer = adamw(self.parameters, settings, self.device)
        self.pieces = Pieces(feed, self.module, self.optimizer, self.device, settings.batch_size, report)
        # where the run is: at its start, or where a checkpoint says
        self.checkpoints = Checkpoints(run_dir / "checkpoints")
        self.spaced = settings.spaced()
        fingerprint = goes_on.fingerprint(feed.order, settings, len(held_out))
        self.state = goes_on.start(self.checkpoints, fingerprint, self.module, self.optimizer, settings, report)
        self.events = EventFiles(run_dir / "tensorboard", self.state.step + 1)
        self.clock = Clock(self.state.seconds)
        self.best_weights: Weights | None = None  #: in host memory until the next checkpoint writes them down
        self.reported = -math.inf  #: when progress was
        self.peak = 0  #: bytes of memory, as it was reported last

    def run(self) -> TrainResult:
        """Train to the end. Raises as `train` does."""
        try:
            if self.state.step == 0 and self.held_out:
                self.measure()  # the model as it came: a training that never beats it gives it back
            if not self.state.ended:
                self.rehearse()
            while not self.state.ended:
                command = self.control.poll()
                if command in (Command.PAUSE, Command.YIELD):
                    with self.clock.paused():
                        _wait(self.control, command, self.module, self.optimizer, self.device)
                elif command in (Command.CANCEL, Command.STOP):
                    self.leave(command)
                else:
                    self.step()
        finally:
            self.events.close()
        return self.result()

    def leave(self, command: Command) -> NoReturn:
        """Save and end, as somebody outside asked."""
        step = self.state.step
        try:
            if step:  # before the first step there is nothing to keep
                self.save()
        except DiskFull as error:  # leaving was asked for: the checkpoint before this one has to do
            self.report.log("warning", str(error))
        if command is Command.STOP:
            raise Stopped(f"The training stopped at step {step} and goes on from there later.")
        raise Cancelled(f"The training was cancelled at step {step}.")

    def step(self) -> None:
        """One update, and what is due after it."""
        step, began = self.state.step + 1, time.perf_counter()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(step, self.settings)
        micro_batch, data, result = self.update(step)
        self.state = replace(
            self.state,
            step=step,
            position=data.after,
            micro_batch=micro_batch,
            skipped_in_a_row=0 if result.updated else self.state.skipped_in_a_row + 1,
        )
        self.report_update(result, data.n_clips, time.perf_counter() - began)
        self.end_or_save()

    def update(self, step: int) -> tuple[int, Step, StepResult]:
        """An update in as small pieces as memory asks for: (clips in a piece, what it was made from, what came of
        it)."""

        def act(data: Step) -> StepResult:
            seed_everything(self.settings.seed, step)
            kept = self.engine, self.model, data, self.parameters, self.optimizer, self.settings
            return update(*kept, meanwhile=self.feed.prepare_next)

        return self.pieces.tried(self.state.position, self.state.micro_batch, f"Memory ran out at step {step}", act)

    def rehearse(self) -> None:
        """Where memory is limited, try the greatest step that is to come, and tell what the training takes."""
        state, settings = self.state, self.settings
        if not memory.limited(self.device):
            return
        left = settings.steps - state.step
        position = rehearsal.greatest(self.feed.order, state.position, left, state.micro_batch)

        def act(data: Step) -> None:
            seed_everything(settings.seed, state.step)
            rehearsal.rehearse(self.engine, self.model, data, self.parameters, self.optimizer, settings)

        ran_out = "Memory would run out in the longest step"
        micro_batch, _, _ = self.pieces.tried(position, state.micro_batch, ran_out, act)
        self.state = replace(state, micro_batch=micro_batch)
        memory.release(self.device)
        free = memory.left(self.device)
        self.report_peak()
        sentence = f"At its longest step this training needs {self.peak / 1e9:.1f} GB of the GPU's memory"
        self.report.log("info", f"{sentence}, the optimizer's state included; {free / 1e9:.1f} GB are free now.")

    def report_peak(self) -> None:
        """Report the most memory that was needed until now, where it is limited and grew."""
        if memory.limited(self.device) and (peak := memory.peak(self.device)) > self.peak:
            self.peak = peak
            self.points({"memory_peak": float(peak)})

    def report_update(self, result: StepResult, n_clips: int, seconds: float) -> None:
        """What there is to say of the update that is done. Raises EngineError when too many in a row were none."""
        step, settings = self.state.step, self.settings
        if not result.updated:
            sentence = f"The loss or its gradient was not a number at step {step}: that update was skipped."
            self.report.log("warning", sentence)
        if self.state.skipped_in_a_row >= MAX_SKIPPED:
            sentence = f"The loss was not a number {MAX_SKIPPED} steps in a row, up to step {step}."
            raise EngineError(sentence, "Lower the learning rate, or look for broken clips in the dataset.")
        if step % settings.log_every == 0:
            values = {f"train/{name}": value for name, value in result.losses.items()}
            values["lr"] = learning_rate(step, settings)
            values["grad_norm"] = result.grad_norm
            values["memory"] = float(memory.taken(self.device))
            values |= {"seconds_per_step": seconds, "clips_per_second": n_clips / seconds}
            self.points(values)
            self.report_peak()
        if time.perf_counter() - self.reported >= PROGRESS_EVERY:
            self.reported = time.perf_counter()
            self.report.progress(step, settings.steps, f"loss {result.losses['loss']:.4g}")

    def end_or_save(self) -> None:
        """At fixed steps: measure, end early, write down."""
        state, settings = self.state, self.settings
        step = state.step
        out_of_time = bool(settings.max_seconds) and self.clock.seconds() >= settings.max_seconds
        last = step >= settings.steps or out_of_time
        if self.held_out and (last or step % settings.eval_every == 0):
            self.measure()
            state = self.state
        if step >= settings.steps:
            self.state = replace(state, ended=f"All {step} steps done.")
        elif out_of_time:
            self.state = replace(state, ended=f"The time of {duration(settings.max_seconds)} was over at step {step}.")
        elif settings.patience and state.evaluations_without_gain >= settings.patience:
            sentence = f"No gain since step {state.best_step}; stopped at step {step}."
            self.state = replace(state, ended=sentence, stopped_early=True)
        if self.state.ended or step % settings.checkpoint_every == 0:
            self.save()
        elif step in self.spaced:
            self.checkpoints.save(self.state, weights_of(self.module), None)

    def measure(self) -> None:
        """Measure the held-out losses; the weights are kept if they are the best so far."""
        losses = held_out_losses(self.engine, self.model, self.held_out, self.settings)
        state = self.state if self.state.step else replace(self.state, start_losses=losses)
        references = _references(state, self.base_losses)
        loss = losses["loss"]
        self.points({f"held_out/{name}": value for name, value in losses.items()} | gain.gains(loss, references))
        if math.isfinite(loss) and (state.best_loss is None or loss < state.best_loss):
            self.best_weights = copied(weights_of(self.module))
            state = replace(state, best_step=state.step, best_loss=loss, best_losses=losses, evaluations_without_gain=0)
        else:
            state = replace(state, evaluations_without_gain=state.evaluations_without_gain + 1)
        self.state = state
        if state.step:
            self.report.log("info", gain.sentence(state.step, losses, references, state.best_step))

    def save(self) -> None:
        """Write down the best weights since the last checkpoint, and a checkpoint."""
        state = self.state
        if self.best_weights and state.best_step not in (None, state.step):
            self.checkpoints.save(replace(state, step=state.best_step), self.best_weights, None)
        self.best_weights = None
        self.checkpoints.save(replace(state, seconds=self.clock.seconds()), weights_of(self.module), self.optimizer)
        self.checkpoints.prune(state, self.spaced)
        self.report.checkpoint(state.step)

    def points(self, values: Mapping[str, float]) -> None:
        """Report those values of the present step that are numbers."""
        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        self.report.points(self.state.step, finite)
        self.events.scalars(self.state.step, finite)

    def result(self) -> TrainResult:
        """Load the best weights: they are the result."""
        state = self.state
        best = state.step if state.best_step is None else state.best_step
        self.checkpoints.load_weights(best, self.module)
        self.module.eval()
        self.report.progress(state.step, self.settings.steps, state.ended)
        self.report.log("info", f"{state.ended} Kept the weights of step {best}.")
        return TrainResult(
            steps=state.step,
            best_step=best,
            best_loss=state.best_loss,
            best_losses=dict(state.best_losses),
            start_losses=dict(state.start_losses),
            stopped_early=state.stopped_early,
            ended=state.ended,
            seconds=self.clock.seconds(),
            checkpoint=self.checkpoints.path(best),
            kept=self.kept(best),
        )

    def kept(self, best: int) -> tuple[int, ...]:
        """Steps whose weights are on disk and can be spoken with."""
        there = {step for step in self.checkpoints.steps() if step <= self.state.step}
        return tuple(sorted(there & {best, *self.spaced, *([self.state.step] if self.spaced else [])}))


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
