"""A process that cuts one recording as the dataset worker does, and prints as JSON what came of it and what it cost.

    python long_worker.py RECORDING TEXT HOME LANGUAGE LIMITS

TEXT: a file with all that is said; "-": there is none. LIMITS: the voice's, as JSON. `before_mb` is what the process
had taken when it had cut the first seconds of the recording, with its libraries and models loaded: how much that is
depends on the machine, what a long recording adds does not.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import soundfile

from daemon.kinds.dataset import worker as dataset
from proto import frames
from proto import worker_pb2 as wire

FIRST_SECONDS = 40


class TimingChannel:
    """`daemon.worker.job.Channel`, as far as the dataset job needs it. Measures the longest time between two checks
    whether the job may go on."""

    job = attempt = 1

    def __init__(self, home: Path) -> None:
        self.home = home
        self.deaths: dict[bytes, int] = {}
        self.cut = wire.Report()
        self.wall, self.busy = time.monotonic(), time.process_time()
        self.longest_wall = self.longest_busy = (
            0.0  #: seconds between two looks, and those of them this process was at work
        )

    def look(self) -> None:
        wall, busy = time.monotonic(), time.process_time()
        self.longest_wall, self.longest_busy = (
            max(self.longest_wall, wall - self.wall),
            max(self.longest_busy, busy - self.busy),
        )
        self.wall, self.busy = wall, busy

    def progress(self, done: float, total: float, unit: str, sentence: str = "", eta_seconds: float = 0.0) -> None: ...

    def log(self, level: str, text: str) -> None: ...

    def report(self, report: wire.Report) -> None: ...

    def lasting(self) -> None: ...

    def commit(self, report: wire.Report) -> None:
        self.look()
        self.cut = report

    def check(self) -> None:
        self.look()


def peak_mb() -> float:
    """The most memory this process held. (getrusage would count what its parent held when it forked.)"""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024


def cut_first_seconds(recording: str, home: Path, language: str, limits: str) -> None:
    samples, rate = soundfile.read(
        recording, frames=FIRST_SECONDS * soundfile.info(recording).samplerate, dtype="int16"
    )
    soundfile.write(home / "first.flac", samples, rate)
    ref = wire.RecordingRef(sha256="2" * 64, path=str(home / "first.flac"), name="first.flac", seconds=FIRST_SECONDS)
    plan = wire.DatasetPlan(voice="anna", engine="glow", language=language, recordings=[ref], limits_json=limits)
    dataset.run(plan, TimingChannel(home))


def main(recording: str, text: str, home: str, language: str, limits: str) -> None:
    cut_first_seconds(recording, Path(home), language, limits)
    before = peak_mb()
    seconds = soundfile.info(recording).duration
    words = "" if text == "-" else Path(text).read_text()
    ref = wire.RecordingRef(
        sha256="1" * 64, path=recording, name="long.flac", seconds=seconds, has_text=bool(words), text=words
    )
    plan = wire.DatasetPlan(voice="anna", engine="glow", language=language, recordings=[ref], limits_json=limits)
    channel = TimingChannel(Path(home))
    began = time.monotonic()
    dataset.run(plan, channel)
    told = {
        "clips": len(channel.cut.cut.clips),
        "frame": len(frames.pack(channel.cut)),
        "kept": sum(clip.kept for clip in channel.cut.cut.clips),
        "longest_wall": channel.longest_wall,
        "longest_busy": channel.longest_busy,
        "seconds": time.monotonic() - began,
        "before_mb": before,
        "mb": peak_mb(),
    }
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
