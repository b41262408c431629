"""A worker program whose training counts to five in its run's folder and makes a version of that: with the frames,
files and checkpoints of a real one, and without torch. After each count it waits until the folder GATE lets it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from daemon.home import identity
from daemon.state.values import Way, on_wire
from daemon.worker import versions
from daemon.worker.__main__ import main
from daemon.worker.job import Channel
from engines.files import make_folder, write_whole
from proto import worker_pb2 as wire

#: Variable with a folder: step N goes on once it has the file N, or one called "all".
GATE = "MYNA_TEST_GATE"
STEPS = 5


def load(kind: str) -> Any:
    assert kind == "train"
    return train


def train(plan: wire.TrainPlan, channel: Channel) -> str:
    mark = identity.Mark(plan.home_uuid, plan.run_uuid)
    counter = Path(plan.run_dir) / "checkpoints" / "step-1" / "state.json"
    identity.claim(Path(plan.run_dir), mark, plan.unmarked_from)
    make_folder(counter.parent)
    begins = int(counter.read_text()) if counter.exists() else 0
    heard = b"".join(Path(clip.path).read_bytes() for clip in plan.clips)
    channel.log("info", f"process {os.getpid()} goes on from {begins}, in {channel.home}")
    channel.commit(wire.Report(begun=wire.RunBegun(way=on_wire(Way, Way.BASE), steps=STEPS)))
    print(f"printed by {os.getpid()}", file=sys.stderr, flush=True)
    for step in range(begins + 1, STEPS + 1):
        channel.check()
        write_whole(counter, str(step).encode(), "a checkpoint")
        channel.points(plan.run, [("train/loss", step, 1.0 / step)])
        channel.report(wire.Report(checkpoint=wire.CheckpointSaved(run=plan.run, step=step)))
        wait(step, channel)
    about = {"voice": plan.voice, "run": plan.run}
    versions.write(Path(plan.out_dir), lambda folder: _save(folder, heard), about, mark)
    trained = wire.TrainResult(version_dir=plan.out_dir, kind="full", steps=STEPS, result_json="{}")
    channel.commit(wire.Report(trained=trained))
    return f"counted to {STEPS}"


def wait(step: int, channel: Channel) -> None:
    gate = Path(os.environ[GATE])
    while not (gate / str(step)).exists() and not (gate / "all").exists():
        channel.check()
        time.sleep(0.01)  # no test: what a step takes


def _save(folder: Path, heard: bytes) -> None:
    (folder / "weights").write_bytes(heard + f"|{STEPS}".encode())


if __name__ == "__main__":
    main(load)
