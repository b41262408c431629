"""A training in processes of its own that are killed at given moments; the last attempt runs to the end.

A script calls `main(train_once)`, with arguments RUN_DIR POINTS_FILE KILL…

KILL is step:N (right after update N is told), fsync:N or rename:N (before the attempt's Nth such call) or ms:N (that
long after the start). Prints one JSON line: per attempt "killed" or "finished", and a SHA-256 over the final weights
and optimizer state. Attempts are forked before torch has done any work, so that many kills cost little more than one
import.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from engines.base import Model
from engines.training.loop import TrainResult
from engines.training.report import Reporter, Silent

#: Trains in a run folder and tells the reporter; the model holds the best weights afterwards.
TrainOnce = Callable[[Path, Reporter], tuple[Model, TrainResult]]


class RecordingReporter(Silent):
    """Appends each step's points to a file, and kills its own process after a given step."""

    def __init__(self, path: Path, kill_after: int | None) -> None:
        self._file = path.open("a")
        self._kill_after = kill_after

    def points(self, step: int, values: Mapping[str, float]) -> None:
        kept = {
            name: value for name, value in values.items() if name.startswith(("train/", "held_out/", "lr", "grad_norm"))
        }
        print(json.dumps([os.getpid(), step, kept]), file=self._file, flush=True)
        if step == self._kill_after and "lr" in values:
            os.kill(os.getpid(), signal.SIGKILL)


def attempt(train_once: TrainOnce, run_dir: Path, points: Path, kind: str, number: int) -> None:
    """One training, killed at the given moment if that comes."""
    left = number

    def fatal(call):  # type: ignore[no-untyped-def]
        def counted(*args, **kwargs):  # type: ignore[no-untyped-def]
            nonlocal left
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return counted

    if kind == "fsync":
        os.fsync = fatal(os.fsync)
    if kind == "rename":
        Path.replace, Path.rename = fatal(Path.replace), fatal(Path.rename)  # type: ignore[method-assign]
    model, result = train_once(run_dir, RecordingReporter(points, number if kind == "step" else None))
    digest = hashlib.sha256()
    for tensor in model.module.state_dict().values():
        digest.update(tensor.numpy().tobytes())
    for name in ("model", "optimizer"):  # of the last step, beside the best one's weights
        digest.update((run_dir / f"checkpoints/step-{result.steps:06d}/{name}.safetensors").read_bytes())
    (run_dir / "result.json").write_text(json.dumps({"weights": digest.hexdigest(), "best_step": result.best_step}))


def main(train_once: TrainOnce) -> None:
    run_dir, points, *kills = sys.argv[1:]
    outcomes = []
    for kill in [*kills, "none:0"]:
        kind, number = kill.split(":")
        child = os.fork()
        if child == 0:
            attempt(train_once, Path(run_dir), Path(points), kind, int(number))
            os._exit(0)
        if kind == "ms":
            descriptor = os.pidfd_open(child)
            select.select([descriptor], [], [], int(number) / 1000)
            os.kill(child, signal.SIGKILL)
            os.close(descriptor)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0:
            sys.exit(f"the attempt with {kill} failed by itself")
        outcomes.append("killed" if os.WIFSIGNALED(status) else "finished")
    print(json.dumps({"outcomes": outcomes, **json.loads((Path(run_dir) / "result.json").read_text())}))
