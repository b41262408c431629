"""The held-out lines: how two versions spoke each, to be read and heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.message import Message

from proto import myna_pb2 as pb
from tui.metrics import change, figure, find
from tui.widgets.long_table import Column, LongTable

if TYPE_CHECKING:
    from tui.dashboard.host import Host


@dataclass(frozen=True)
class SpokenLine:
    """One held-out line."""

    clip: str  #: SHA-256
    text: str
    before: Mapping[str, float] = field(default_factory=dict)  #: scores of the version compared with
    after: Mapping[str, float] = field(default_factory=dict)  #: of the chosen one


def columns(metrics: Sequence[pb.MetricInfo]) -> tuple[Column[SpokenLine], ...]:
    """What is shown of a line; `metrics` as the daemon describes them."""
    wer, similarity = find(metrics, "wer"), find(metrics, "similarity")

    def role(line: SpokenLine) -> str:
        return {True: "good", False: "bad", None: ""}[change(wer, line.before, line.after).better]

    def after(metric: pb.MetricInfo, width: int, room: int = 0) -> Column[SpokenLine]:
        return Column(
            metric.title,
            width,
            lambda line: figure(metric, line.after),
            lambda line: line.after.get(metric.name, -1.0),
            right=True,
            room=room,
        )

    return (
        after(wer, 5),
        Column("change", 13, lambda line: change(wer, line.before, line.after).text, role=role),
        after(similarity, 10, room=90),
        Column("line", 0, lambda line: line.text),
    )


class LinesTable(LongTable[SpokenLine]):
    """Each line can be heard from the version, from the one it is compared with, and from the person."""

    help_title = "Held-out lines"
    BINDINGS = [
        Binding(
            "space", "hear('version')", "hear", id="lines.version", tooltip="Spoken by the chosen version; again: stop"
        ),
        Binding(
            "t", "hear('against')", "other", id="lines.against", tooltip="Spoken by the version it is compared with"
        ),
        Binding("x", "hear('person')", "person", id="lines.person", tooltip="The recording itself"),
    ]

    class Hear(Message):
        """The person wants to hear the line; who: "version", "against" or "person"."""

        def __init__(self, who: str) -> None:
            super().__init__()
            self.who = who

    app: Host  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__(columns(()), lambda line: line.clip, id="lines")

    def show_lines(self, lines: Sequence[SpokenLine]) -> None:
        """Draw these."""
        self.show_columns(columns(self.app.live.info.metrics))
        self.show_rows(lines)

    def action_hear(self, who: str) -> None:
        self.post_message(self.Hear(who))
