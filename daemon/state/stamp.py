"""A time of the database as the wire has it."""

from __future__ import annotations

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp


def stamp(time: datetime) -> Timestamp:
    """The time, which is UTC."""
    timestamp = Timestamp()
    timestamp.FromDatetime(time)
    return timestamp
