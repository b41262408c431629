"""Trainings of small glow voices as they went, recorded for `operations_estimates`, which asks how well they could have
been foreseen.

    python -m benchmarks.recorded_runs           records them anew (some 20 minutes of one core)
    python -m benchmarks.recorded_runs --go-on   goes on where it was ended

Each is a real training and its scoring, by the workers of Myna's jobs, on clips of the demo's recordings. Two clocks
are written down: the wall's, and the processor's. What others do on the machine shows in both, so that it is to be
quiet: on one that many share, what comes after the loop took half as much of a core again in the last runs as in the
first.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
FILE = HERE / "recorded_runs.json"
DEMO = HERE.parent / "demo" / "recordings"
COMMAND = "python -m benchmarks.recorded_runs"
HELD_OUT = 4  #: clips of each
#: What is trained: (clips, size of a batch, steps, patience). The first three may stop early.
PLANS = (
    (16, 8, 150, 8),
    (24, 8, 200, 8),
    (12, 12, 120, 8),
    (30, 8, 120, 0),
    (20, 12, 70, 0),
    (36, 8, 80, 0),
    (14, 8, 90, 0),
)
KEPT = 600  #: points of a run that are kept


@dataclass(frozen=True)
class Tick:
    """How far a training was."""

    wall: float  #: seconds since its job began
    cpu: float  #: the same, of the processor
    step: int  #: 0: it encodes clips, or measures what it begins from


@dataclass(frozen=True)
class Recorded:
    """One training."""

    engine: str
    clips: int
    clip_seconds: float  #: mean of a clip
    batch_size: int
    planned: int  #: steps
    patience: int  #: measurements without gain after which it stops; 0: never
    steps: int  #: that were done
    loop_wall: float  #: seconds of the loop
    wall: float  #: seconds from the job's beginning to its end
    cpu: float
    scoring_wall: float
    scoring_cpu: float
    lines: int  #: that were held out, and spoken to be scored
    heard: int  #: models that spoke after the loop, so that how they sound chooses
    lengths: Sequence[float]  #: seconds of each clip
    step_wall: float  #: median seconds of a step alone
    ticks: Sequence[Tick]


def load(path: Path = FILE) -> list[Recorded]:
    """The runs that were recorded, in their order."""
    runs: list[dict[str, Any]] = json.loads(path.read_text())["runs"]
    return [Recorded(**{**run, "ticks": [Tick(*tick) for tick in run["ticks"]]}) for run in runs]


def record(path: Path, *, go_on: bool) -> None:
    """Train them all; the file is written after each. `go_on`: with those that are in it already."""
    runs: list[dict[str, Any]] = json.loads(path.read_text())["runs"] if go_on else []
    for number, plan in enumerate(PLANS[len(runs) :], len(runs) + 1):
        runs.append(_one(*plan))
        text = json.dumps({"recorded_by": COMMAND, "runs": runs}, indent=None, separators=(",", ":"))
        path.write_text(text.replace('{"engine"', '\n{"engine"') + "\n")
        print(f"{number} of {len(PLANS)}: {runs[-1]['wall']:.0f} s, {runs[-1]['cpu']:.0f} s of a core", flush=True)


def _one(count: int, batch_size: int, steps: int, patience: int) -> dict[str, Any]:
    import statistics

    import soundfile
    import torch

    from benchmarks import real_workers

    torch.set_num_threads(1)
    ticks: list[tuple[float, float, int]] = []
    paces: list[float] = []
    began = time.perf_counter(), time.process_time()

    def now() -> tuple[float, float]:
        return time.perf_counter() - began[0], time.process_time() - began[1]

    class Tells(real_workers.Loose):
        def progress(self, done: float, total: float, unit: str, sentence: str = "", eta_seconds: float = 0.0) -> None:
            ticks.append((*now(), int(done) if unit == "steps" else 0))

        def points(self, run: int, points: list[tuple[str, int, float]]) -> None:
            paces.extend(value for name, _, value in points if name == "seconds_per_step")

    with tempfile.TemporaryDirectory(prefix="myna-") as folder:
        home = Path(folder)
        refs = []
        for source in sorted(DEMO.glob("d*.flac"))[: count + HELD_OUT]:
            place = home / source.name
            shutil.copyfile(source, place)
            text = source.with_suffix(".txt").read_text().strip()
            refs.append(real_workers.clip(place, text, soundfile.info(str(place)).duration))
        workshop = real_workers.Workshop(home, refs[count:], refs[:count])
        told = Tells(home)
        settings = {"batch_size": batch_size, "steps": steps, "patience": patience, "threads": 1}
        made = workshop.train(1, refs[:count], settings, channel=told)
        selection = json.loads(told.committed[-1].trained.result_json).get("selection") or {}
        wall, cpu = now()
        workshop.judge(1, 0)
        after = now()
    every = max(1, len(ticks) // KEPT)
    return {
        "engine": real_workers.ENGINE,
        "clips": count,
        "clip_seconds": round(sum(ref.seconds for ref in refs[:count]) / count, 3),
        "batch_size": batch_size,
        "planned": steps,
        "patience": patience,
        "steps": max(step for _, _, step in ticks),
        "loop_wall": round(made.seconds, 2),
        "wall": round(wall, 2),
        "cpu": round(cpu, 2),
        "scoring_wall": round(after[0] - wall, 2),
        "scoring_cpu": round(after[1] - cpu, 2),
        "lines": HELD_OUT,
        "step_wall": round(statistics.median(paces), 4),
        "heard": len(selection.get("heard", ())),
        "lengths": [round(ref.seconds, 3) for ref in refs[:count]],
        "ticks": [[round(one, 2), round(two, 2), step] for one, two, step in (*ticks[::every], ticks[-1])],
    }


if __name__ == "__main__":
    record(FILE, go_on="--go-on" in sys.argv[1:])
