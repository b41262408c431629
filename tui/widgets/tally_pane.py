"""What listeners preferred and how natural they found it, with 95 % confidence intervals."""

from __future__ import annotations

import math

from textual.app import ComposeResult
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from proto import myna_pb2 as pb
from tui import wording
from tui.dashboard.pair import Pair
from tui.drawing.interval import interval
from tui.output import safe
from tui.widgets.pane import Pane

NOTHING = "No ratings yet: v says what you think of what you heard."
BEST, WORST = 5.0, 1.0


class TallyPane(Pane):
    """The tally of a pair; the ends of each line are what it would be if all said the same."""

    screen_keys = ("tally.vote", "tally.undo")
    DEFAULT_CSS = "TallyPane { height: auto; & > Static { height: auto; } }"
    pane_title = "Tally"
    pane_help = (
        "How often each was preferred, and the mean of the scores from 1 (bad) to 5 (excellent), of "
        "everybody who listened. ├──●──┤ is the "
        "95 % confidence interval (Wilson's for preferences, Student's t for scores); only when it "
        "lies on one side of ┊ is the one "
        "preferred more often than chance would have it. Where scores left a version undecided, blind "
        "votes decide: the sentence says how many more like these that takes, and what became of it."
    )

    def __init__(self) -> None:
        super().__init__()
        self._drawn: tuple[Pair | None, pb.Tally | None] = None, None

    def compose(self) -> ComposeResult:
        yield Static(NOTHING, markup=False)

    def on_resize(self, event: Resize) -> None:
        self.show(*self._drawn)

    def show(self, pair: Pair | None, tally: pb.Tally | None) -> None:
        """Draw it; the tally's a is the pair's one."""
        self._drawn = pair, tally
        decides = safe(tally.listening.sentence) if tally is not None else ""
        if pair is None or tally is None or not tally.ratings:
            self.query_one(Static).update(decides or NOTHING)
            self.show_title()
            return
        blind = "all blind" if tally.blind == tally.ratings else f"{tally.blind} blind"
        self.show_title(f"{wording.count(tally.ratings, 'rating')}, {blind}")
        width = max(self.query_one(Static).size.width - 2, 40)
        names = [safe(pair.name(number)) for number in (pair.one, pair.two)]
        rows = [
            Content(decides or safe(tally.sentence)),
            _preferred(tally, names, width),
            *(_score(score, name, width) for score, name in zip((tally.score_a, tally.score_b), names, strict=True)),
        ]
        self.query_one(Static).update(Content("\n").join(rows))


def _preferred(tally: pb.Tally, names: list[str], width: int) -> Content:
    left, right = f"{names[0]} {tally.a} ", f" {tally.b} {names[1]}"
    same = f"  {tally.same} the same" if tally.same else ""
    line = interval(
        tally.low, tally.share_b, tally.high, max(width - len(left) - len(right) - len(same), 10), middle=0.5
    )
    return Content.assemble(left, (line, "$accent"), right, (same, "$text-muted"))


def _score(score: pb.OpinionScore, name: str, width: int) -> Content:
    mean, ends = wording.opinion(score)
    value = score.mean if score.count else math.nan
    low, value, high = ((part - WORST) / (BEST - WORST) for part in (score.low, value, score.high))
    words = (
        f" 5  {mean or 'no scores':<3} "
        f"{f'({ends}, {score.count})' if ends else f'({score.count})' if score.count else ''}"
    )
    left = f"{name} 1 "
    return Content.assemble(left, (interval(low, value, high, max(width - len(left) - 26, 10)), "$accent"), (words, ""))
