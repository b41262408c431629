"""How much a training is slowed down by backups that are taken beside it: the third part of `operations_backup`.

A real mynad trains a voice of the engine that comes with Myna, its base and its steps as they are. Stretches in which
one backup after another copies large recordings alternate with stretches without; of each it is measured how long a
step takes, and beside that how many steps are done with all that is between them (measuring, checkpoints). Every batch
of this training has all of its clips, so that no step is longer than another.
"""

from __future__ import annotations

import os
import shutil
import statistics
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bars import tell
from proto import myna_pb2 as pb
from proto.client import Client, ClientError
from tests.e2e.workshop import ANNA, NAMES, ROOT, SETTINGS, Workshop, job_is, reach_step, until

BAR = 0.02  #: a training may lose this share of its speed
SHIPPED = ROOT / "engines" / "glow" / "base"
#: bytes of recordings that are copied beside a training, and of each of them
LARGE, EACH = 1_500_000_000, 50_000_000
ROUNDS = 4  #: of a stretch with backups and one without
PATIENCE = 120.0  #: seconds until a backup copies, on a machine that others use too
#: steps of a batch that all clips are in; the training is ended before it has done them
ASKED = {"steps": 1_000_000, "batch_size": 12, "eval_every": 50, "checkpoint_every": 50, "patience": 0, "seed": 11}


@dataclass(frozen=True)
class Stretch:
    """What a training did in some seconds."""

    step: float  #: mean seconds of a step alone
    speed: float  #: steps a second, with all that is between them
    copied: int  #: bytes beside it


def home(place: Path) -> Workshop:
    """A home with a dataset, and with large recordings that no row names, which a backup copies all the same. One that
    is there already is taken as it is."""
    made = Workshop(place, SHIPPED, SETTINGS + "auto_train = false\n", log=place.parent / f"{place.name}.out")
    if (place / "recordings" / "00" / "large-0").exists():
        return made
    try:
        with made.up(PATIENCE) as client:
            made.drop(ANNA, NAMES, options="[train]\nspoken_checkpoints = 0\n")
            until(client, job_is(pb.DATASET, "succeeded"))
        made.down()
    finally:
        made.kill()
    large = place / "recordings" / "00"
    large.mkdir(exist_ok=True)
    for number in reversed(range(LARGE // EACH)):
        with (large / f"large-{number}").open("wb") as file:
            file.write(os.urandom(EACH))
    return made


def slow(folder: Path, seconds: float, kept: Path | None = None) -> None:
    """Measure and tell: stretches of so many seconds, all together. `kept`: where the home is, or stays."""
    workshop = home(kept or folder / "slow")
    found: dict[str, list[Stretch]] = {"with": [], "without": []}
    length, disks = seconds / (2 * ROUNDS), folder / "disks"
    try:
        with workshop.up(PATIENCE) as client:
            for left in client.jobs(states=["queued", "running", "paused"]):  # in a kept home, of a time that was ended
                client.cancel(left.id)
            job = client.train(ANNA, **ASKED).id
            reach_step(client, job, 10)
            run = client.job(job).run
            for number in range(ROUNDS):
                for which in ("without", "with") if number % 2 else ("with", "without"):
                    one = beside(client, run, disks, length) if which == "with" else stretch(client, run, length)
                    found[which].append(one)
                    told = (
                        f"{one.step * 1_000:.1f} ms a step, {one.speed:.3f} steps/s, {one.copied / 1e9:.2f} GB copied"
                    )
                    print(f"# {which} a backup: {told}", flush=True)
            client.cancel(job)
    finally:
        workshop.kill()
        shutil.rmtree(disks, ignore_errors=True)
    report(found["with"], found["without"])


def report(copying: list[Stretch], alone: list[Stretch]) -> None:
    """Tell by how much the ones took longer than the others, stretch by stretch."""
    lost = [one.step / other.step - 1 for one, other in zip(copying, alone, strict=True)]
    whole = [1 - one.speed / other.speed for one, other in zip(copying, alone, strict=True)]
    median, copied = statistics.median(lost), sum(one.copied for one in copying)
    spread = f"pairs {min(lost):+.1%} to {max(lost):+.1%}"
    steps = [one.step for one in alone]
    told = f"{median:+.1%} ({spread}), {copied / 1e9:.1f} GB copied beside it"
    tell("slow-down of a training's steps by backups", told, f"≤ {BAR:.0%}", median <= BAR)
    between = f"{statistics.median(whole):+.1%} (pairs {min(whole):+.1%} to {max(whole):+.1%})"
    apart = f"{max(steps) / min(steps) - 1:.1%}"
    print(f"# with all that is between steps: {between}; stretches without a backup differ by {apart}", flush=True)


def stretch(client: Client, run: int, seconds: float, copied: int = 0) -> Stretch:
    """A run, watched for so many seconds."""
    first, began = client.run(run).step, time.monotonic()
    threading.Event().wait(seconds)
    last, took = client.run(run).step, time.monotonic() - began
    points = client.points(run, ["seconds_per_step"], first=first + 1, last=last)
    values = [value for series in points for value in series.values]
    return Stretch(statistics.fmean(values), (last - first) / took, copied)


def beside(client: Client, run: int, disks: Path, seconds: float) -> Stretch:
    """The same while one backup after another is taken, each into a folder of its own."""
    begun, over, copied = threading.Event(), threading.Event(), 0

    def work() -> None:
        nonlocal copied
        number = 0
        while not over.is_set():
            shutil.rmtree(disks, ignore_errors=True)
            disks.mkdir()
            number, before = number + 1, copied
            try:
                for step in client.backup(str(disks / str(number))):
                    copied = before + max(copied - before, step.progress.done)
                    if step.progress.done:
                        begun.set()
                    if over.is_set():
                        break
            except ClientError as error:
                print(f"# {error}", flush=True)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        if not begun.wait(PATIENCE):  # the program has to start before it copies
            raise AssertionError(f"no backup copied anything within {PATIENCE:.0f} s")
        before = copied
        found = stretch(client, run, seconds)
        return Stretch(found.step, found.speed, copied - before)
    finally:
        over.set()
        worker.join()
