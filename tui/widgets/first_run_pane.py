"""What an empty home shows in place of queue and curve: the way to its first voice, step by step."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from proto import myna_pb2 as pb
from tui.dashboard.live import REFUSED, Live
from tui.output import safe
from tui.widgets.pane import Pane
from tui.widgets.scroll import Scroll


class FirstRunPane(Pane):
    """Goes as soon as there is a voice or a job."""

    pane_title = "Your first voice"
    pane_help = (
        "A voice is a folder of the inbox. What you drop there is taken, cut into clips and written down; then the "
        "voice is trained and scored by itself, and you hear it on Say."
    )
    DEFAULT_CSS = "FirstRunPane { height: 1fr; & Scroll { height: 1fr; } }"

    def compose(self) -> ComposeResult:
        with Scroll(disabled=True):  # until it is shown: the focus begins in the queue
            yield Static(id="steps")

    def show_steps(self, live: Live, keys: dict[str, str]) -> None:
        """`keys`: how a person opens these screens and the help, by the binding's id."""
        self.query_one(Scroll).disabled = False
        self.query_one("#steps", Static).update(steps(live.info, refused(live), keys))


def is_first_run(live: Live) -> bool:
    """Whether this home has nothing yet; not known while no daemon was reached."""
    return live.link.up and not live.voices and not live.jobs


def refused(live: Live) -> int:
    """Files that were refused before there was a voice: something to be told of here."""
    return sum(event.inbox.state == REFUSED for event in live.inbox.values())


def steps(info: pb.InfoResponse, refused: int, keys: dict[str, str]) -> Content:
    """The page."""
    called = "NAME is the new voice's name. Or: myna add NAME FILES…"
    lines: list[tuple[str, tuple[str, ...]]] = [
        (
            "Drop recordings",
            (f"into {safe(info.home)}/inbox/NAME/", called),
        ),
        ("They are taken", ("They become clips with text; Inbox tells of each file.",)),
        ("It trains", ("By itself, once there are about 30 s of sound.",)),
        ("It is scored", (f"If it is better than the base, it speaks; {keys['voices']} shows why.",)),
        ("You hear it", (f"{keys['say']} says what you type; {keys['listen']} compares versions blind.",)),
    ]
    parts: list[Content] = []
    if refused:
        parts.append(Content.assemble((" A file was refused: ", "b $error"), "Inbox says why and what to do.\n"))
    for number, (what, (how, *more)) in enumerate(lines, start=1):
        parts.append(Content.assemble((f" {number} ", "b $accent"), (f"{what:<17}", "b"), how))
        parts += [Content.assemble(" " * 20, (line, "$text-muted")) for line in more]
    shown = [("help", "what this is, and every key"), ("palette", "everything by name"), ("quit", "quit")]
    words = [Content.assemble((keys[name], "$accent"), f" {what}   ") for name, what in shown]
    parts.append(Content.assemble("\n ", *words))
    return Content("\n").join(parts)
