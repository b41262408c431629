"""Transcribing in a worker of the CPU lane: a file's sound becomes a `Transcript` beside it."""

from __future__ import annotations

from pathlib import Path

from daemon.worker.job import Channel
from engines.files import write_whole
from engines.recognisers import Recogniser
from engines.transcription.heard import Heard
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire


def run(plan: wire.TranscribePlan, channel: Channel) -> str:
    """Hear the file. Raises BadInput for what is no sound or too long, WeightsMissing, and BadInput for a language that
    the recogniser does not know."""
    from engines.transcription import files  # brings numpy

    asked = plan.spec

    def heard(seconds: float, of: float) -> None:
        channel.check()
        channel.progress(seconds, of, "seconds", "listening")

    sound = Path(plan.sound)
    if asked.recogniser == Recogniser.POCKETSPHINX:
        found = files.by_sphinx(sound, heard)
    else:
        wanted = files.Wanted(asked.language, asked.words, asked.prompt, asked.temperature)
        found = files.by_whisper(sound, Path(plan.whisper), wanted, heard)
    write_whole(Path(plan.heard), _message(found, asked.recogniser).SerializeToString(), "what was heard")
    return f"Heard {found.seconds:.1f} s in {found.language or 'an unknown language'}."


def _message(found: Heard, recogniser: str) -> pb.Transcript:
    return pb.Transcript(
        text=found.text,
        language=found.language,
        seconds=found.seconds,
        recogniser=recogniser,
        low_trust=recogniser == Recogniser.POCKETSPHINX,
        segments=[
            pb.HeardSegment(
                start=one.start,
                end=one.end,
                text=one.text,
                mean_log_probability=one.mean_log_probability,
                no_speech_probability=one.no_speech_probability,
                compression_ratio=one.compression_ratio,
                words=[pb.WordTime(text=word.text, start=word.start, end=word.end) for word in one.words],
            )
            for one in found.segments
        ],
    )
