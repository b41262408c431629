"""A line of the tree of voices and versions: what stands in each column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from proto import myna_pb2 as pb
from tui import wording
from tui.metrics import change, comparable, figure, find
from tui.widgets.long_table import Column

MARKS = {"promoted": "●", "candidate": "○", "rejected": "✗", "purged": "∅"}


@dataclass(frozen=True)
class Line:
    """A voice, or (with `version`) one of its versions."""

    voice: pb.Voice
    folded: bool = False
    guides: str = ""
    version: pb.Version | None = None
    parent: pb.Version | None = None

    @property
    def key(self) -> tuple[str, int]:
        """(voice, version's number; 0: the base; -1: the voice itself)."""
        return self.voice.name, self.version.number if self.version is not None else -1


def spelt(number: int) -> str:
    return f"@{number}" if number else "base"


def _name(line: Line) -> str:
    return f" {line.guides}{spelt(line.version.number)}" if line.version is not None else line.voice.name


def _state(line: Line) -> str:
    if line.version is None or not line.version.number:
        return ""
    return f"{MARKS.get(line.version.state, ' ')} {line.version.state}"


def _state_role(line: Line) -> str:
    state = line.version.state if line.version is not None else ""
    return {"promoted": "good", "rejected": "bad", "archived": "dim", "purged": "dim"}.get(state, "")


def _metric(metric: pb.MetricInfo) -> Callable[[Line], str]:
    def cell(line: Line) -> str:
        if line.version is None:
            return ""
        against = comparable(line.version, line.parent)
        return f"{figure(metric, line.version.metrics)} {change(metric, against, line.version.metrics).text}".strip()

    return cell


def _metric_role(metric: pb.MetricInfo) -> Callable[[Line], str]:
    def role(line: Line) -> str:
        if line.version is None or line.parent is None:
            return ""
        return {True: "good", False: "bad", None: ""}[
            change(metric, comparable(line.version, line.parent), line.version.metrics).better
        ]

    return role


def _column(metric: pb.MetricInfo, width: int, room: int = 0) -> Column[Line]:
    return Column(metric.title, width, _metric(metric), room=room, role=_metric_role(metric))


def columns(metrics: Sequence[pb.MetricInfo]) -> tuple[Column[Line], ...]:
    """What is shown of a version; `metrics` as the daemon describes them."""
    return (
        Column("version", 14, _name),
        Column("state", 11, _state, role=_state_role),
        _column(find(metrics, "similarity"), 19),
        _column(find(metrics, "wer"), 19),
        _column(find(metrics, "dnsmos"), 17, room=94),
        _column(find(metrics, "held_out_loss"), 21, room=118),
        Column(
            "data",
            5,
            lambda line: f"#{line.version.dataset}" if line.version is not None and line.version.dataset else "",
            room=126,
        ),
    )


def banner(line: Line) -> str:
    if line.version is not None:
        return ""
    voice = line.voice
    speaks = f"@{voice.promoted} speaks" if voice.promoted else "the base speaks"
    parts = [voice.language, voice.engine, speaks, wording.count(voice.versions, "version"), voice.next]
    return f"{'▸' if line.folded else '▾'} {voice.name}  " + " · ".join(part for part in parts if part)
