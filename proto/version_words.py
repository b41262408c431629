"""What a version is, in words: the same in the daemon's reports and at a person's screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proto import myna_pb2 as pb


def own_sound(record: Mapping[str, Any]) -> pb.OwnSound:
    """Of a version's record."""
    return pb.OwnSound(vocoder=bool(record.get("vocoder")), bands=bool(record.get("bands")))


def sound(own: pb.OwnSound) -> str:
    """What of it is the version's own: "its own vocoder, and bands scaled to the recordings"."""
    vocoder = "its own vocoder" if own.vocoder else "the base's vocoder (none of its own came nearer to the recordings)"
    return f"{vocoder}, and bands scaled to the recordings" if own.bands else vocoder


def sound_briefly(own: pb.OwnSound) -> str:
    """The same among other facts: "own vocoder and bands"."""
    parts = " and ".join(name for name, there in (("vocoder", own.vocoder), ("bands", own.bands)) if there)
    return f"own {parts}" if parts else "the base's vocoder"
