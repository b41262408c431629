"""A run's checkpoints as rows of a table: what each lost, gained and sounded like beside the one with the lowest
loss."""

from __future__ import annotations

from collections.abc import Sequence

from proto import myna_pb2 as pb
from tui import metrics

#: Metrics that are shown, in this order; and those for which there is room on a narrow terminal.
SHOWN = ("similarity", "wer", "dnsmos", "f0_semitones")
NARROW = ("similarity", "wer")


def infos(found: pb.CheckpointsResponse, shown: Sequence[str] = SHOWN) -> list[pb.MetricInfo]:
    """Those of the shown metrics that any checkpoint has."""
    there = [name for name in shown if any(name in one.metrics for one in found.checkpoints)]
    return [metrics.find(found.infos, name) for name in there]


def head(columns: Sequence[pb.MetricInfo]) -> tuple[str, ...]:
    """Titles of the columns."""
    return ("step", "", "loss", "gain", *(info.title for info in columns), "score", "surely")


def cells(one: pb.Checkpoint, columns: Sequence[pb.MetricInfo]) -> tuple[str, ...]:
    """Texts in the order of `head`. ★: it was chosen; ↓: it has the lowest loss."""
    mark = ("★" if one.chosen else "") + ("↓" if one.lowest_loss and one.step else "")
    return (
        f"{one.step:,}" if one.step else "start",
        mark,
        f"{one.loss:.4f}" if one.HasField("loss") else "",
        f"{one.gain:+.1f} %" if one.HasField("gain") else "",
        *(metrics.figure(info, one.metrics) for info in columns),
        f"{one.score:+.2f}" if one.HasField("score") else "",
        f"{one.low:+.2f} to {one.high:+.2f}" if one.HasField("low") and one.HasField("high") else "",
    )
