"""What a job's code in a worker has to do with mynad: its channel, and how it ends.

A kind's `worker.run(plan, channel)` returns the sentence of its success. It raises `engines.errors.EngineError` for
anything a person can act on (its kind, sentence and hint become the job's error), `engines.errors.Cancelled` when told
to cancel, and `Stopped` when told to stop (state saved; the job goes back to the queue)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from proto import myna_pb2 as pb
from proto import worker_pb2 as wire


class Stopped(Exception):
    """The daemon asked the worker to save and leave; the job goes back to the queue and goes on later."""

    def __init__(self, step: int = 0) -> None:
        super().__init__(f"stopped at step {step}")
        self.step = step


class Channel(Protocol):
    """A job's line to the daemon. Thread-safe. Heartbeats go out by themselves."""

    home: Path  #: MYNA_HOME
    job: int
    attempt: int
    deaths: Mapping[
        bytes, int
    ]  #: how often workers of this job died, by what they had said (by an At report) that they were at

    def progress(self, done: float, total: float, unit: str, sentence: str = "", eta_seconds: float = 0.0) -> None:
        """Tell how far it is. Cheap: at most five a second go out."""
        ...

    def log(self, level: str, text: str) -> None:
        """A line for the job's log. Levels: "debug", "info", "warning", "error"."""
        ...

    def points(self, run: int, points: list[tuple[str, int, float]]) -> None:
        """Metric points (name, step, value)."""
        ...

    def report(self, report: wire.Report) -> None:
        """Send a report that needs no acknowledgement (audio, loaded, checkpoint, at, lane_free)."""
        ...

    def lasting(self) -> None:
        """Something is done that the next attempt will find (a line spoken, a clip encoded): crashes before it no
        longer count. Cheap: only the first of an attempt goes out."""
        ...

    def commit(self, report: wire.Report) -> None:
        """Send a report and wait until the daemon has it on disk (its Ack). Raises Cancelled or ConnectionError if that
        never comes."""
        ...

    def check(self) -> None:
        """Call between units of work: raises Cancelled or Stopped if the daemon asked for it, and waits here while
        paused or while the GPU is yielded (reporting Yielded / Resumed)."""
        ...

    def pending(self) -> str:
        """Without blocking: "" | "yield" | "offload" | "cancel" | "stop". For loops that must finish their step
        first."""
        ...

    def wait_resumed(self) -> str:
        """Report Yielded, block until Resume, Cancel or Stop, report Resumed; returns "resume", "cancel" or "stop"."""
        ...


def audio_report(
    samples: bytes,
    rate: int,
    sentence: int,
    text: str,
    *,
    last: bool,
    left_out: Sequence[str] = (),
    words: Sequence[pb.WordTime] = (),
) -> wire.Report:
    """A chunk of speech as a report: little-endian float32. `left_out` is what of the text the engine cannot say."""
    audio = wire.Audio(
        samples=samples, sample_rate=rate, sentence=sentence, text=text, last=last, left_out=left_out, words=words
    )
    return wire.Report(audio=audio)


__all__ = ["Channel", "Stopped", "audio_report", "pb"]
