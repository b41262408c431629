"""The held-out lines: how two versions spoke each, to be read and heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from textual.binding import Binding
from textual.message import Message

from tui.metrics import BY_NAME, change, figure
from tui.widgets.long_table import Column, LongTable


@dataclass(frozen=True)
class SpokenLine:
    """One held-out line."""

    clip: str  #: SHA-256
    text: str
    before: Mapping[str, float] = field(default_factory=dict)  #: scores of the version compared with
    after: Mapping[str, float] = field(default_factory=dict)  #: of the chosen one


WER = BY_NAME["wer"]
SIMILARITY = BY_NAME["similarity"]


def _role(line: SpokenLine) -> str:
    return {True: "good", False: "bad", None: ""}[change(WER, line.before, line.after).better]


COLUMNS: tuple[Column[SpokenLine], ...] = (
    Column("WER", 5, lambda line: figure(WER, line.after), lambda line: line.after.get("wer", -1.0), right=True),
    Column("change", 13, lambda line: change(WER, line.before, line.after).text, role=_role),
    Column(
        "similarity", 10, lambda line: figure(SIMILARITY, line.after), lambda line: line.after.get("similarity", -1.0), right=True, room=90
    ),
    Column("line", 0, lambda line: line.text),
)


class LinesTable(LongTable[SpokenLine]):
    """Each line can be heard from the version, from the one it is compared with, and from the person."""

    help_title = "Held-out lines"
    BINDINGS = [
        Binding("space", "hear('version')", "hear", id="lines.version", tooltip="Spoken by the chosen version; again: stop"),
        Binding("t", "hear('against')", "other", id="lines.against", tooltip="Spoken by the version it is compared with"),
        Binding("x", "hear('person')", "person", id="lines.person", tooltip="The recording itself"),
    ]

    class Hear(Message):
        """The person wants to hear the line; who: "version", "against" or "person"."""

        def __init__(self, who: str) -> None:
            super().__init__()
            self.who = who

    def __init__(self) -> None:
        super().__init__(COLUMNS, lambda line: line.clip, id="lines")

    def show_lines(self, lines: Sequence[SpokenLine]) -> None:
        """Draw these."""
        self.show_rows(lines)

    def action_hear(self, who: str) -> None:
        self.post_message(self.Hear(who))
