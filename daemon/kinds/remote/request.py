"""What an engine elsewhere is asked to say: the daemon looks whether that was spoken before, and its worker has it
spoken, so both ask for the same."""

from __future__ import annotations

from engines.base import SpeechRequest
from proto import myna_pb2 as pb


def of(asked: pb.SpeakSpec) -> SpeechRequest:
    """The request of what a person asked for."""
    return SpeechRequest(
        text=asked.text,
        language=asked.language,
        speed=asked.speed or 1.0,
        seed=asked.seed if asked.HasField("seed") else None,
    )
