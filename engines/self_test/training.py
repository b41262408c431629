"""Checks of training: memory that runs out, is lent, and comes back from a killed worker, whose training goes on."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from engines.base import TrainableModel
from engines.self_test.bench import SAVED, SETTINGS, STEPS, Bench, farthest, losses, run
from engines.self_test.result import Check, Reason, Result, failed, passed, skipped
from engines.training import memory
from engines.training.control import Command
from engines.training.report import Collected
from engines.xtts.engine import XttsEngine

#: How far a step's loss may be from that of the undisturbed training, as a share: on a card sums are made in any order.
TOLERANCE = 1e-3
#: Clips of a batch whose memory is to run out, how many of them fit, and bytes that each takes on a card.
CROWD, FIT, EACH = 8, 2, 900_000_000
#: Bytes of the card that the check of running out may have.
ROOM = 2_500_000_000
#: Bytes that may still be taken after a worker's end, and seconds until they are given back.
LEFT, SOON = 64_000_000, 15.0
#: Seconds that the worker has to come to the step after which it is killed.
PATIENCE = 180.0


class Hungry(XttsEngine):
    """Takes memory for each clip of a pass."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self._on_card = device.type == "cuda"
        self.ran_out = 0
        self.largest = 0  #: clips in a pass that fitted

    def losses(self, model: TrainableModel, batch: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        count: int = batch["clips"]
        size = count * EACH if self._on_card else (0 if count <= FIT else 2**60)  # more than any machine has
        try:
            taken = torch.empty(size, dtype=torch.uint8, device=model.device)
        except Exception as error:
            self.ran_out += memory.ran_out(error)
            raise
        found = super().losses(model, batch)
        del taken
        self.largest = max(self.largest, count)
        return found


def out_of_memory(bench: Bench) -> Result:
    """The card is made small for this process, so that nobody else's memory is taken; it really runs out, and the
    training goes on with fewer clips at a time."""
    engine = Hungry(bench.device)
    if bench.device.type == "cuda":
        free, total = torch.cuda.mem_get_info(bench.device)
        if free < ROOM:
            return skipped(Check.OUT_OF_MEMORY, Reason.NO_ROOM, {"free_bytes": free, "needed_bytes": ROOM})
        memory.release(bench.device)
        torch.cuda.set_per_process_memory_fraction(
            min(1.0, (torch.cuda.memory_reserved(bench.device) + ROOM) / total), bench.device
        )
    settings = replace(SETTINGS, steps=3, batch_size=CROWD, micro_batch=CROWD, eval_every=3, checkpoint_every=3)
    try:
        result = run(bench.device, bench.run_folder("crowded"), engine=engine, settings=settings)
    finally:
        if bench.device.type == "cuda":
            torch.cuda.set_per_process_memory_fraction(1.0, bench.device)
            memory.release(bench.device)
    figures = {"ran_out_times": float(engine.ran_out), "clips_at_first": float(CROWD), "clips": float(engine.largest)}
    if not engine.ran_out or engine.largest > FIT or result.steps != 3:
        return failed(Check.OUT_OF_MEMORY, Reason.NOT_BACKED_OFF, figures)
    return passed(Check.OUT_OF_MEMORY, figures)


@dataclass
class _Lends:
    """Has the training lend the card out before its third step, and looks at what is taken meanwhile."""

    bench: Bench
    polls: int = 0
    before: int = 0
    meanwhile: int = 0

    def poll(self) -> Command:
        self.polls += 1
        if self.polls != 3:
            return Command.GO
        self.before = torch.cuda.memory_reserved(self.bench.device)
        return Command.YIELD

    def wait(self) -> None:
        self.meanwhile = torch.cuda.memory_reserved(self.bench.device)


def yielding(bench: Bench) -> Result:
    """A training lends its memory and goes on as if nothing had been."""
    if bench.device.type != "cuda":
        return skipped(Check.YIELD, Reason.NO_CARD)
    wanted = bench.undisturbed()
    lends, report = _Lends(bench), Collected()
    run(bench.device, bench.run_folder("lent"), lends, report)
    far = farthest(wanted, losses(report))
    figures = {"before_bytes": float(lends.before), "meanwhile_bytes": float(lends.meanwhile), "difference_share": far}
    if lends.meanwhile > lends.before / 2:
        return failed(Check.YIELD, Reason.NOT_RETURNED, figures)
    if far > TOLERANCE:
        return failed(Check.YIELD, Reason.DIFFERS, figures)
    return passed(Check.YIELD, figures)


def killed(bench: Bench) -> tuple[Result, Result]:
    """A worker that trains is killed: whether its memory comes back, and its training goes on as if it had lived."""
    memory.release(bench.device)
    before = bench.used()
    during = _killed_worker(bench)
    returned = _returned(bench, before, during)
    report = Collected()
    run(bench.device, bench.run_folder("killed"), report=report)
    wanted = bench.undisturbed()
    began = min(report.steps, default=0)
    far = farthest(wanted[began - 1 :], losses(report)) if began else float("inf")
    figures = {"resumed_step": float(began), "steps": float(STEPS), "difference_share": far}
    if began <= SAVED or far > (TOLERANCE if bench.device.type == "cuda" else 0.0):
        return returned, failed(Check.RESUME, Reason.DIFFERS, figures)
    return returned, passed(Check.RESUME, figures)


def _killed_worker(bench: Bench) -> int | None:
    """Let a worker train past its first checkpoints and kill it; what of the card was taken while it trained. Raises
    RuntimeError when it does not come so far."""
    where = [str(bench.device), str(bench.folder), str(bench.run_folder("killed"))]
    command = [sys.executable, "-m", "engines.self_test.child", "train", *where]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        late = threading.Timer(PATIENCE, worker.kill)
        late.start()
        try:
            assert worker.stdout is not None
            for line in worker.stdout:
                if int(line) >= 2 * SAVED:
                    return bench.used()
        finally:
            late.cancel()
            worker.kill()
    raise RuntimeError("A worker that trains ended by itself, or took too long.")


def _returned(bench: Bench, before: int | None, during: int | None) -> Result:
    if bench.device.type != "cuda":
        return skipped(Check.MEMORY_RETURN, Reason.NO_CARD)
    if before is None or during is None:
        return skipped(Check.MEMORY_RETURN, Reason.NOT_TOLD)
    began = time.monotonic()
    while (after := bench.used() or 0) > before + LEFT and time.monotonic() - began < SOON:
        time.sleep(0.1)  # the driver tells no event of it
    figures = {"held_bytes": float(during - before), "left_bytes": float(max(0, after - before))}
    if after > before + LEFT or during <= before:
        return failed(Check.MEMORY_RETURN, Reason.NOT_RETURNED, figures)
    return passed(Check.MEMORY_RETURN, figures | {"seconds": time.monotonic() - began})
