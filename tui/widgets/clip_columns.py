"""The columns of a list of clips: of all of a voice's, and of those to review."""

from __future__ import annotations

import math

from proto import myna_pb2 as pb
from tui import wording
from tui.dashboard import clips
from tui.dashboard.clips import quality, seconds
from tui.widgets.long_table import Column


def _number(clip: pb.Clip, name: str, digits: int) -> str:
    value = quality(clip, name)
    return "" if math.isnan(value) else f"{value:.{digits}f}"


def _least_first(name: str, clip: pb.Clip) -> float:
    value = quality(clip, name)
    return math.inf if math.isnan(value) else value


def _role(clip: pb.Clip) -> str:
    return "dim" if clip.kept and not clip.held_out else "good" if clip.kept else "bad"


COLUMNS: tuple[Column[pb.Clip], ...] = (
    Column("s", 5, lambda clip: f"{seconds(clip):.1f}", seconds, right=True),
    Column("use", 16, clips.use, role=_role),
    Column("SNR", 4, lambda clip: _number(clip, "snr_db", 0), lambda clip: _least_first("snr_db", clip), right=True),
    Column("CER", 5, lambda clip: _number(clip, "cer", 2), lambda clip: _least_first("cer", clip), right=True),
    Column(
        "level",
        6,
        lambda clip: _number(clip, "rms_db", 0),
        lambda clip: _least_first("rms_db", clip),
        right=True,
        room=100,
    ),
    Column("transcript", 19, wording.transcript, room=100),
    Column("text", 0, lambda clip: clip.text, lambda clip: clip.text.lower()),
    Column("from", 24, lambda clip: clip.recording_name, lambda clip: (clip.recording_name, clip.start), room=130),
    Column("at", 7, lambda clip: f"{clip.start:.1f}", lambda clip: clip.start, right=True, room=130),
)
#: Of clips to review. What was measured stands below the list, with the sentences.
REVIEW_COLUMNS: tuple[Column[pb.Clip], ...] = (
    Column("doubt", 5, lambda clip: f"{clip.doubt:.0%}", lambda clip: -clip.doubt, right=True),
    Column("why", 20, clips.why),
    Column("use", 16, clips.use, role=_role),
    Column("s", 5, lambda clip: f"{seconds(clip):.1f}", seconds, right=True, room=100),
    Column("transcript", 19, wording.transcript, room=100),
    Column("text", 0, lambda clip: clip.text, lambda clip: clip.text.lower()),
    Column("from", 24, lambda clip: clip.recording_name, lambda clip: (clip.recording_name, clip.start), room=130),
    Column("at", 7, lambda clip: f"{clip.start:.1f}", lambda clip: clip.start, right=True, room=130),
)
