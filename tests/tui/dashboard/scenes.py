"""Four states of a workshop, set on the paper daemon: empty, busy, failed; and disconnected, which is busy and then
gone.

Add here what your screen shows: all six screens are drawn in each scene.
"""

from __future__ import annotations

import math
import random
from dataclasses import replace

from google.protobuf.timestamp_pb2 import Timestamp

from daemon.state.status import State
from engines.training.settings import LoraSettings, TrainSettings
from proto import myna_pb2 as pb
from tests.tui import told
from tests.tui.dashboard.scene_voices import set_clips, set_voices
from tests.tui.stage.rows import NOW
from tests.tui.stage.server import Stage

SCENES = ("empty", "busy", "failed", "disconnected")
GB = 1_000_000_000


def at(seconds: float) -> Timestamp:
    """A moment relative to NOW (the clock of the tests stands at +600 s)."""
    return Timestamp(seconds=NOW.seconds + int(seconds))


def set_scene(stage: Stage, name: str) -> None:
    """Make the paper daemon show the scene."""
    {"empty": empty, "busy": busy, "failed": failed, "disconnected": busy}[name](stage)


def empty(stage: Stage) -> None:
    """A fresh install on a machine without a GPU."""
    stage.jobs.rows, stage.jobs.lines = {}, []
    stage.voices.rows, stage.voices.versions, stage.datasets.clips = [], {}, []
    sample = pb.SystemSample(
        time=at(0), no_gpu="There is no NVIDIA driver on this machine; work runs on the CPU.", cpu=0.04,
        memory_total=32 * GB, memory_used=6 * GB, disk_total=1000 * GB, disk_free=740 * GB,
    )  # fmt: skip
    stage.system.info = pb.InfoResponse(
        version="0.1.0", home="/srv/myna", started=at(-3600), cursor=100, pid=1, sample=sample
    )


def busy(stage: Stage) -> None:
    """A training runs, others wait, files arrive, and a foreign process holds a part of the GPU."""
    set_jobs(stage)
    set_voices(stage)
    set_clips(stage)
    set_runs(stage)
    set_machine(stage)


def set_jobs(stage: Stage) -> None:
    """A job in each state but failed, and the log of the training."""
    going = pb.Progress(done=1_200, total=4_000, unit="steps", sentence="", eta_seconds=1_260)
    going.spent.CopyFrom(pb.Spent(seconds=540, joules=162_000, money=[pb.Money(amount=0.11, currency="€")]))
    going.expected.CopyFrom(pb.Spent(seconds=1_800, joules=540_000, money=[pb.Money(amount=0.37, currency="€")]))
    waits = "GPU held by train #12"
    rows = [
        told.job(
            12, "train", "anna", "train anna from anna@6 on dataset #4", State.RUNNING, at(-60), started=at(0),
            progress=going, run=12, gpu_lane=True, priority=10,
        ),
        told.job(
            15, "ingest", "ben", "take 3 files of ben", State.RUNNING, at(590), started=at(595),
            progress=pb.Progress(done=1, total=3, unit="files", eta_seconds=4),
        ),
        told.job(
            13, "evaluate", "cleo", "evaluate cleo@3 against cleo@2", State.QUEUED, at(100), why=waits, gpu_lane=True,
            priority=30, place=13.0, attempts=0,
        ),
        told.job(
            14, "train", "ben", "train ben from the base on dataset #1", State.QUEUED, at(200), why=waits,
            gpu_lane=True, priority=10, place=14.0, attempts=0,
        ),
        told.job(
            11, "train", "dora", "train dora from dora@1 on dataset #2", State.PAUSED, at(-900), started=at(-800),
            since=at(-300), paused_by_person=True, progress=pb.Progress(done=800, total=2_000), run=11, gpu_lane=True,
            priority=10,
        ),
        told.job(
            10, "dataset", "anna", "make anna's dataset #4", State.SUCCEEDED, at(-500), started=at(-480),
            ended=at(-400), why="Dataset #4: 512 clips, 41 min.",
        ),
        told.job(
            9, "export", "anna", "export anna@5", State.CANCELLED, at(-4000), ended=at(-3900), cancelled_by="a person",
        ),
    ]  # fmt: skip
    stage.jobs.rows = {row.id: row for row in rows}
    stage.jobs.lines = [
        pb.LogLine(time=at(60 * n), level="warning" if n == 4 else "info", text=text, attempt=1, cursor=n + 1)
        for n, text in enumerate(
            (
                "training anna from anna@6: 512 clips (40 new), 26 held out, 4,000 steps",
                "features: 512 of 512 from the cache",
                "step 0: held-out loss 1.412",
                "step 400: held-out loss 0.967, the best so far",
                "out of memory: micro-batch 16 → 8, accumulation 1 → 2",
                "step 800: held-out loss 0.812, the best so far",
                "step 1,200: held-out loss 0.846",
            )
        )
    ]


def set_runs(stage: Stage) -> None:
    """Runs of the trainings, and one that is over."""
    losses = ("train/loss", "held_out/loss")
    whole = TrainSettings(steps=4_000, learning_rate=1e-4, batch_size=16, seed=1)
    adapters = replace(whole, steps=2_000, learning_rate=2e-4, lora=LoraSettings(rank=8, alpha=16))
    runs = [
        told.run(
            12, "anna", whole.to_json(), series=(*losses, "learning_rate"), started=at(0), dataset=4, from_version=6,
            step=1_200, steps=4_000, best_step=800, best_loss=0.812,
        ),
        told.run(
            11, "dora", adapters.to_json(), series=losses, started=at(-800), dataset=2, from_version=1, step=800,
            steps=2_000, best_step=800, best_loss=1.02,
        ),
        told.run(
            8, "anna", replace(whole, steps=3_000).to_json(), series=losses, started=at(-90_000), ended=at(-86_000),
            dataset=3, from_version=5, to_version=6, step=3_000, steps=3_000, best_step=2_600, best_loss=0.84,
        ),
    ]  # fmt: skip
    stage.runs.rows = {row.id: row for row in runs}
    stage.runs.points = {12: curve(1_200, 1), 11: curve(800, 2), 8: curve(3_000, 3)}


def set_machine(stage: Stage) -> None:
    """The machine for an hour, and the files that arrive on it."""
    processes = [
        pb.GpuProcess(pid=4242, memory=11 * GB, owner="train #12", ours=True),
        pb.GpuProcess(pid=4243, memory=2 * GB, owner="speech", ours=True),
        pb.GpuProcess(pid=977, memory=3 * GB, owner="blender"),
    ]
    gpu = pb.Gpu(name="NVIDIA RTX 4090", memory_total=24 * GB, memory_used=16 * GB, utilisation=0.93, temperature=71,
    power=388,
                 power_limit=450, processes=processes)  # fmt: skip
    sample = pb.SystemSample(
        time=at(600),
        gpus=[gpu],
        cpu=0.31,
        memory_total=64 * GB,
        memory_used=23 * GB,
        disk_total=1000 * GB,
        disk_free=212 * GB,
    )
    stage.system.samples = [an_hour(sample, minute) for minute in range(61)]
    sample.time.CopyFrom(at(-3_060))
    arriving = [
        pb.InboxEvent(voice="ben", name="interview 2.wav", state="arriving", why="112 MB so far"),
        pb.InboxEvent(voice="ben", name="interview 1.wav", state="settling", why="unchanged for 1 s"),
    ]
    stage.system.info = pb.InfoResponse(
        version="0.1.0", home="/srv/myna", started=at(-7200), cursor=100, pid=1, sample=sample, gpu_holder="train #12",
        jobs={"running": 2, "queued": 2, "paused": 1, "succeeded": 1, "cancelled": 1}, inbox=arriving,
    )  # fmt: skip
    stage.jobs.events = [
        pb.Event(
            cursor=101,
            time=at(300),
            inbox=pb.InboxEvent(voice="anna", name="monday.flac", state="taken", seconds=312.0),
        ),
        pb.Event(
            cursor=102,
            time=at(360),
            inbox=pb.InboxEvent(voice="anna", name="notes.docx", state="refused", why="It is no audio file."),
        ),
    ]


def two_gpus(stage: Stage) -> None:
    """Two GPUs: one trains, the other speaks, and a training waits for either."""
    busy(stage)
    first = pb.GpuUse(indices=[0], uuid="GPU-a", needs=11 * GB, measured=True, free=20 * GB, total=24 * GB, of=2)
    second = pb.GpuUse(indices=[1], uuid="GPU-b", needs=3 * GB, free=2 * GB, total=80 * GB, of=2)
    rows = stage.jobs.rows
    rows[16] = told.job(
        16, "speak", "anna", "speak 212 characters as anna@6", State.RUNNING, at(590), started=at(595), priority=40,
        gpu_lane=True, gpu=second.SerializeToString(), progress=pb.Progress(done=2, total=5, unit="sentences"),
    )  # fmt: skip
    rows[12].gpu.CopyFrom(first)
    for number in (13, 14):
        rows[number].gpu.CopyFrom(pb.GpuUse(indices=[0, 1], needs=9 * GB, of=2))
        rows[number].status.queued.why_waiting = "GPU 0 held by train #12 (anna), GPU 1 held by speak #16 (anna)"
    sample = stage.system.info.sample
    sample.gpus[0].owned = True
    speech = pb.GpuProcess(pid=4243, memory=3 * GB, owner="speak #16", ours=True)
    stage.system.samples.clear()
    del sample.gpus[0].processes[1]
    sample.gpus.add(
        index=1, name="NVIDIA H100 80GB HBM3", memory_total=80 * GB, memory_used=78 * GB, utilisation=0.41,
        temperature=52, power=210, power_limit=700, processes=[speech], owned=True,
    )  # fmt: skip
    stage.system.samples = [an_hour(sample, minute) for minute in range(61)]


def failed(stage: Stage) -> None:
    """The last training crashed, the one before ran out of disk, and nothing runs."""
    busy(stage)
    rows = [
        told.job(
            12, "train", "anna", "train anna from anna@6 on dataset #4", State.FAILED, at(-60), started=at(0),
            ended=at(500), run=12, attempts=3, gpu_lane=True, priority=10,
            why="The worker was killed three times in a row.", error_kind="crashed",
            error_hint="Look at its log; `myna retry 12` tries again.",
            log_tail="step 1,200: held-out loss " "0.846\nKilled",
        ),
        told.job(
            11, "train", "dora", "train dora from dora@1 on dataset #2", State.FAILED, at(-900), started=at(-800),
            ended=at(-300), run=11, gpu_lane=True, priority=10, why="The disk is full: 1.2 GB are missing.",
            error_kind="disk-full", error_hint="Free some room, then retry.",
        ),
    ]  # fmt: skip
    stage.jobs.rows = {row.id: row for row in rows}
    stage.runs.rows[12].ended.CopyFrom(at(500))
    info = stage.system.info
    info.gpu_holder = ""
    info.jobs.clear()
    info.jobs["failed"] = 2
    stage.system.samples.clear()
    info.sample.time.CopyFrom(at(600))
    info.sample.gpus[0].utilisation = 0.0
    del info.sample.gpus[0].processes[:2]
    info.sample.gpus[0].memory_used = 3 * GB


def an_hour(now: pb.SystemSample, minute: int) -> pb.SystemSample:
    """The machine as it was in that minute of the last hour; the 60th is now."""
    then = pb.SystemSample()
    then.CopyFrom(now)
    then.time.CopyFrom(at(60 * minute - 3_000))
    rest = 0.5 + 0.5 * math.cos((60 - minute) / 9)
    then.cpu = now.cpu * (0.4 + 0.6 * rest)
    for gpu in then.gpus:
        gpu.utilisation *= 1.0 if minute > 40 or minute < 12 else 0.1
        gpu.temperature -= 60 - minute if minute > 40 else 25
        gpu.power *= 0.9 + 0.1 * rest if minute > 40 else 0.3
    return then


def curve(steps: int, seed: int) -> dict[str, dict[int, float]]:
    """A training's losses: every 10 steps on what it trains, every 200 held out."""
    chance = random.Random(seed)

    def at_step(step: int) -> float:
        return 0.7 + 0.9 * math.exp(-step / 500)

    return {
        "train/loss": {step: at_step(step) + chance.uniform(-0.08, 0.08) for step in range(10, steps + 1, 10)},
        "held_out/loss": {step: at_step(step) + 0.05 + 0.00006 * step for step in range(0, steps + 1, 200)},
    }
