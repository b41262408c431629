"""The real worker, that may be killed at each step of cutting a recording (see `kill_moments`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from daemon.kinds.dataset import worker as dataset
from daemon.worker.__main__ import main
from daemon.worker.channel import JobChannel
from engines.audio import flac
from engines.audio.mono import Mono
from engines.cutting import clips, cutter, kept
from engines.files import TEMPORARY
from engines.transcription.base import Transcript
from engines.transcription.sphinx import SphinxTranscriber
from proto import worker_pb2 as wire
from tests.e2e.kill_moments import come_to, note_heard


def before(module: Any, name: str, what: str) -> None:
    """Comes to `what` before a function of a module is called."""
    real = getattr(module, name)

    def deadly(*arguments: Any, **named: Any) -> Any:
        come_to(what)
        return real(*arguments, **named)

    setattr(module, name, deadly)


def half_written(module: Any, what: str) -> None:
    """Comes to `what` when half of a file is written."""
    real = module.write_whole

    def deadly(path: Path, content: bytes, told: str) -> None:
        half = path.with_name(f"{TEMPORARY}1-{path.name}")
        half.write_bytes(content[: len(content) // 2])
        come_to(what)
        half.unlink()
        real(path, content, told)

    module.write_whole = deadly


def decoding() -> None:
    real = Mono.passed

    def passed(self: Mono) -> Iterator[Any]:
        for block in real(self):
            come_to("decoding")
            yield block

    Mono.passed = passed  # type: ignore[method-assign]


def hearing() -> None:
    """Clips are counted over all batches, though a copy of the process hears each."""
    many, one = SphinxTranscriber.transcribe_many, SphinxTranscriber.transcribe
    heard = [0]

    def transcribe_many(
        self: SphinxTranscriber, sounds: Sequence[Any], alive: Callable[[], None] | None = None
    ) -> list[Transcript]:
        transcripts = many(self, sounds, alive)
        heard[0] += len(sounds)
        return transcripts

    def transcribe(self: SphinxTranscriber, samples: Any) -> Transcript:
        heard[0] += 1
        note_heard(samples.tobytes())
        come_to("hearing", heard[0])
        return one(self, samples)

    SphinxTranscriber.transcribe_many = transcribe_many  # type: ignore[method-assign]
    SphinxTranscriber.transcribe = transcribe  # type: ignore[method-assign]


def committing() -> None:
    real = JobChannel.commit

    def commit(self: JobChannel, report: wire.Report) -> None:
        if report.HasField("cut"):
            come_to("committing")
        real(self, report)
        if report.HasField("cut"):
            come_to("acknowledged")

    JobChannel.commit = commit  # type: ignore[method-assign]


if __name__ == "__main__":
    decoding()
    before(clips, "choose_pieces", "cutting")
    before(cutter, "loudness", "measuring")
    half_written(flac, "writing")
    hearing()
    half_written(kept, "keeping")
    before(clips, "judge", "judging")
    before(dataset, "as_wire", "telling")
    committing()
    main()
