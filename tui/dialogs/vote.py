"""What the person thinks of what was heard: which is better, and how natural each is. Listening goes on meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.dashboard.pair import Preferred, Vote

CHOICES: tuple[tuple[Preferred, str], ...] = (("a", "A"), ("same", "the same"), ("b", "B"), ("", "no vote"))
SCORES = ("none", "1 bad", "2 poor", "3 fair", "4 good", "5 excellent")
ROWS = ("Better", "A sounds", "B sounds")


class VoteScreen(ModalScreen[Vote | None], inherit_bindings=False):
    """The vote, or None when the person leaves. `listen` hears "a", "b", or pauses and plays ("")."""

    BINDINGS = [
        Binding("left,h", "move(-1)", "Choice to the left", show=False, id="vote.left"),
        Binding("right,l", "move(1)", "Choice to the right", show=False, id="vote.right"),
        Binding("down,j,tab", "row(1)", "Next question", show=False, id="vote.down"),
        Binding("up,k,shift+tab", "row(-1)", "Question before", show=False, id="vote.up"),
        *(Binding(str(n), f"score({n})", f"Score {n}", show=False, id=f"vote.score-{n}") for n in range(1, 6)),
        Binding("a", "listen('a')", "Hear A", show=False, id="vote.hear-a"),
        Binding("b", "listen('b')", "Hear B", show=False, id="vote.hear-b"),
        Binding("space", "listen('')", "Play or pause", show=False, id="vote.play"),
        Binding("enter", "done", "Vote", show=False, id="vote.done"),
        Binding("escape", "leave", "Cancel", show=False, id="vote.leave"),
    ]
    help_title = "Vote"
    DEFAULT_CSS = """
    VoteScreen {
        align: center bottom;
        & > Vertical {
            width: 76; max-width: 96%; height: auto; margin-bottom: 2;
            border: round $primary; background: $surface; padding: 0 1;
        }
    }
    """

    def __init__(self, listen: Callable[[str], None]) -> None:
        super().__init__()
        self._listen = listen
        self._vote = Vote()
        self._row = 0

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Vote"
            box.border_subtitle = "← → choose · 1–5 score · a b space listen · Enter votes · Esc cancels"
            yield Static(markup=False)

    def on_mount(self) -> None:
        self._draw()

    def action_move(self, by: int) -> None:
        if self._row == 0:
            place = [choice for choice, _ in CHOICES].index(self._vote.preferred)
            self._vote = replace(self._vote, preferred=CHOICES[(place + by) % len(CHOICES)][0])
        else:
            self._set_score((self._score + by) % len(SCORES))
        self._draw()

    def action_row(self, by: int) -> None:
        self._row = (self._row + by) % len(ROWS)
        self._draw()

    def action_score(self, score: int) -> None:
        """A digit scores the question it stands at, A's when it stands at neither, and goes on to the next."""
        self._row = self._row or 1
        self._set_score(score)
        self._row = min(self._row + 1, len(ROWS) - 1)
        self._draw()

    def action_listen(self, letter: str) -> None:
        self._listen(letter)

    def action_done(self) -> None:
        self.dismiss(self._vote or None)

    def action_leave(self) -> None:
        self.dismiss(None)

    @property
    def _score(self) -> int:
        return self._vote.score_a if self._row == 1 else self._vote.score_b

    def _set_score(self, score: int) -> None:
        self._vote = replace(self._vote, score_a=score) if self._row == 1 else replace(self._vote, score_b=score)

    def _draw(self) -> None:
        chosen = [choice for choice, _ in CHOICES].index(self._vote.preferred), self._vote.score_a, self._vote.score_b
        words = [word for _, word in CHOICES], SCORES, SCORES
        rows = [
            Content.assemble(
                ("› " if self._row == row else "  ", "b $accent"),
                (f"{ROWS[row]:<9}", "b" if self._row == row else ""),
                *((f" [{word}] " if place == chosen[row] else f"  {word}  ",
                "b $accent" if place == chosen[row] else "$text-muted")
                  for place, word in enumerate(words[row])),
            )
            for row in range(len(ROWS))
        ]  # fmt: skip
        self.query_one(Static).update(Content("\n").join(rows))
