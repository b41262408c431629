"""One version in full: its scores against another, the held-out lines, and its report. One of the three is seen at a
time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Markdown, Static

from proto import myna_pb2 as pb
from proto import version_words
from tui import wording
from tui.metrics import between, change, comparable, figure, sureness, which
from tui.output import safe
from tui.widgets.lines_table import LinesTable, SpokenLine
from tui.widgets.pane import Pane
from tui.widgets.version_lines import spelt

if TYPE_CHECKING:
    from tui.dashboard.host import Host

VIEWS = ("scores", "lines", "report")
Part = Content | str | tuple[str, str]  #: of `Content.assemble`


class Page(VerticalScroll, inherit_bindings=False):
    """Text to scroll through."""

    BINDINGS = [
        Binding("j,down", "scroll_down", "Down", show=False, id="page.down"),
        Binding("k,up", "scroll_up", "Up", show=False, id="page.up"),
        Binding("g,home", "scroll_home", "Top", show=False, id="page.top"),
        Binding("G,end", "scroll_end", "Bottom", show=False, id="page.bottom"),
        Binding("ctrl+f,pagedown", "page_down", "Next page", show=False, id="page.next"),
        Binding("ctrl+b,pageup", "page_up", "Page before", show=False, id="page.before"),
    ]


class VersionPane(Pane):
    """Draws the version it is given; keeps which of its three views is seen."""

    pane_title = "Version"
    pane_help = (
        "The chosen version beside the one it came from, or beside the one you chose with c. Scores "
        "are means over the held-out lines, "
        "which no version ever trained on; “person” is what the recordings themselves score. "
        "↑ the higher the better, ↓ the lower, ≈1 the nearer to 1."
    )
    DEFAULT_CSS = """
    VersionPane {
        height: 1fr;
        & Page { scrollbar-size-vertical: 1; height: 1fr; }
        & #scores, & #lines, & #report { display: none; }
        &.-scores #scores, &.-lines #lines, &.-report #report { display: block; }
        &.-maximized {
            & #scores { display: block; height: auto; max-height: 60%; margin-bottom: 1; }
            &.-scores #lines { display: block; }
        }
        & Markdown { padding: 0; margin: 0; background: transparent; }
        & MarkdownHeader { margin: 0; padding: 0; content-align: left middle; text-align: left; }
    }
    """

    app: Host  # type: ignore[assignment]

    class Viewed(Message):
        """Another of the three is seen, and may need more."""

    def __init__(self) -> None:
        super().__init__()
        self.view = ""
        self._report = ""

    def compose(self) -> ComposeResult:
        with Page(id="scores"):
            yield Static(id="numbers")
        yield LinesTable()
        with Page(id="report"):
            yield Markdown(open_links=False)

    def on_mount(self) -> None:
        super().on_mount()
        self.look_at("scores")

    def show_name(self, name: str) -> None:
        """Which version this is, and beside which: "anna@7 beside @6"."""
        self.show_title(safe(name))

    def show_numbers(self, content: Content | str) -> None:
        """What the scores view says."""
        self.query_one("#numbers", Static).update(content)

    def show_lines(self, lines: Sequence[SpokenLine]) -> None:
        """The held-out lines."""
        self.query_one(LinesTable).show_lines(lines)

    async def show_report(self, markdown: str) -> None:
        """The report's text; it is laid out only when it is another one."""
        if markdown != self._report:
            self._report = markdown
            await self.query_one(Markdown).update(safe_markdown(markdown))
            self.query_one("#report").scroll_home(animate=False)

    def look_at(self, view: str) -> None:
        """Show one of VIEWS (on a wide or high terminal the scores stay above it, and Tab passes them by)."""
        inside = self.app.focused is not None and self in self.app.focused.ancestors
        self.view = view
        for name in VIEWS:
            self.set_class(name == view, f"-{name}")
        self.query_one("#scores").can_focus = view == "scores"
        if inside:
            self.query_one(f"#{view}").focus()
        self.call_after_refresh(self.post_message, self.Viewed())  # when it is known what is seen

    @property
    def line(self) -> SpokenLine | None:
        """The held-out line that is chosen."""
        found: SpokenLine | None = self.query_one(LinesTable).chosen
        return found


def numbers(
    version: pb.Version,
    against: pb.Version | None,
    compared: pb.CompareResponse | None,
    metrics: Sequence[pb.MetricInfo],
) -> Content:
    """A version's scores beside another's, first: a small pane shows those whole; then its verdict and its facts.

    With `compared.ready` the scores are of the very same lines.
    """
    parts = _table(version, against, compared, metrics)
    if compared is not None and compared.sentence and compared.sentence != version.verdict:
        sentence = (
            compared.sentence
            if compared.ready
            else f"{compared.sentence.partition(' `')[0]} Press e to let both speak them."
        )
        parts.append((f"\n{safe(sentence)}", "$foreground"))
    if version.verdict and not _is_its_scoring(version, against, compared):
        parts.append((f"\n{safe(version.verdict)}", "$foreground"))
    parts += ["\n", *_facts(version)]
    return Content.assemble(*parts)


def _is_its_scoring(version: pb.Version, against: pb.Version | None, compared: pb.CompareResponse | None) -> bool:
    """Whether the comparison's sentence is the version's verdict already."""
    if compared is None or against is None or version.by_hand:
        return False
    return compared.ready and bool(compared.decision) and against.number == version.parent


def _table(
    version: pb.Version,
    against: pb.Version | None,
    compared: pb.CompareResponse | None,
    metrics: Sequence[pb.MetricInfo],
) -> list[Part]:
    """A line a metric."""
    mine, theirs, person = _scores(version, against, compared)
    if not mine and not theirs:
        return [("Not scored yet.", "$muted")]
    sure = sureness(compared.metrics) if compared is not None and compared.ready else {}
    head = f"{'':17}{spelt(version.number):>7}"
    head += f"{spelt(against.number):>9}  {'change':<16}" if against is not None else ""
    parts: list[Part] = [(head + (f"{'person':>7}" if person else "") + ("  surely" if sure else ""), "$muted")]
    for metric in metrics:
        if metric.name not in mine and metric.name not in theirs:
            continue
        parts.append(f"\n{f'{metric.title} {which(metric)}':<17}{figure(metric, mine):>7}")
        if against is not None:
            score = change(metric, theirs, mine, sure.get(metric.name))
            colour = {True: "$success", False: "$error", None: "$muted"}[score.better]
            parts += [f"{figure(metric, theirs):>9}  ", (f"{score.text:<16}", colour)]
        if person:
            parts.append((f"{figure(metric, person):>7}", "$muted"))
        if sure:
            parts.append((f"  {between(metric, sure.get(metric.name), '…')}", "$muted"))
    return parts


def _facts(version: pb.Version) -> list[Part]:
    """What it is and where it came from."""
    facts = [
        (version.state, "$success" if version.state == "promoted" else ""),
        (f"from {spelt(version.parent)}", ""),
        (f"dataset #{version.dataset}" if version.dataset else "", ""),
        (f"run {version.run}" if version.run else "", ""),
        (f"{version.engine} {version.kind}".strip(), ""),
        (version_words.sound_briefly(version.sound) if version.HasField("sound") else "", ""),
        (wording.moment(version.created), ""),
        (f"taken in {wording.moment(version.adopted)}" if version.HasField("adopted") else "", ""),
        (version.licence, "$warning"),
    ]
    shown = [(safe(words), style) for words, style in facts if words]
    if not version.number:
        shown = [("the engine's own voice, before training", "")]
    parts: list[Part] = []
    for place, (words, style) in enumerate(shown):
        parts += [(" · ", "$muted") if place else "", (words, style or "$muted")]
    return parts


def _scores(
    version: pb.Version, against: pb.Version | None, compared: pb.CompareResponse | None
) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """(the version's, the other's, the person's own)."""
    if compared is None or not compared.ready:
        return dict(version.metrics), dict(comparable(version, against)), {}
    rows = compared.metrics
    person = {row.name: row.recordings for row in rows if not math.isnan(row.recordings)}
    return {row.name: row.b for row in rows}, {row.name: row.a for row in rows}, person


def safe_markdown(text: str) -> str:
    """Line by line without anything a terminal would obey; pictures, which a terminal has not, are left out."""
    return "\n".join(safe(line) for line in text.splitlines() if not line.startswith("!["))
