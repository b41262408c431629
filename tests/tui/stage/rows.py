"""Rows that the paper daemon has from the beginning, a tone, and a refusal as the real one writes it."""

from __future__ import annotations

import array
import math
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from proto import myna_pb2 as pb
from proto.channel import HINT_KEY

RATE = 16_000
NOW = Timestamp(seconds=1_790_000_000)


def refuse(context: grpc.ServicerContext, code: grpc.StatusCode, sentence: str, hint: str) -> None:
    """As daemon/services/errors.py does."""
    context.set_trailing_metadata(((HINT_KEY, hint.encode()),))
    context.abort(code, f"{sentence} {hint}")


def tone(seconds: float) -> bytes:
    """Little-endian float32 at 440 Hz, a little too loud at its peaks."""
    return array.array(
        "f", (1.1 * math.sin(2 * math.pi * 440 * n / RATE) for n in range(int(seconds * RATE)))
    ).tobytes()


def job(number: int, **status: Any) -> pb.Job:
    return pb.Job(
        id=number,
        kind=pb.TRAIN,
        voice="anna",
        title=f"train anna (#{number})",
        status=pb.JobStatus(**status),
        attempts=1,
    )


def succeeded(number: int) -> pb.Job:
    return job(number, succeeded=pb.JobStatus.Succeeded(started=NOW, ended=NOW, sentence="anna@7 is made."))
