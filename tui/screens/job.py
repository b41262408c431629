"""All about one job: what it is, how it is, what went wrong and what to do."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from proto import gpu_words
from proto import myna_pb2 as pb
from proto.messages import state_of
from tui import as_json, wording
from tui.output import safe
from tui.widgets.scroll import Scroll


class JobScreen(ModalScreen[None], inherit_bindings=False):
    """A page over the screen."""

    BINDINGS = [Binding("escape,q,enter", "dismiss", "Close", show=False, id="job.close")]
    DEFAULT_CSS = """
    JobScreen {
        align: center middle;
        & > Scroll {
            width: 100; max-width: 94%; height: auto; max-height: 90%;
            border: round $primary; background: $surface; padding: 0 2;
        }
    }
    """

    def __init__(self, job: pb.Job) -> None:
        super().__init__()
        self._job = job

    def compose(self) -> ComposeResult:
        with Scroll() as scroll:
            scroll.border_title = Content(f"Job #{self._job.id}")  # type: ignore[assignment]  # str or Content
            scroll.border_subtitle = "Esc closes · j k scroll"
            yield Static(page(self._job))


def page(job: pb.Job) -> Content:
    """The text."""
    state = state_of(job)
    rows = [
        ("what", job.title),
        ("state", state),
        ("status", wording.detail(job)),
        ("voice", job.voice),
        ("submitted", wording.moment(job.submitted)),
        ("took", wording.took(job)),
        ("priority", str(job.priority)),
        ("lane", "GPU" if job.gpu_lane else "CPU"),
        ("gpu", wording.gpu(job)),
        ("memory", gpu_words.memory(job.gpu)),
        ("attempts", str(job.attempts)),
        ("run", f"#{job.run}" if job.run else ""),
        ("caused by", f"#{job.parent_job}" if job.parent_job else ""),
    ]
    colour = {"failed": "$error", "running": "$accent", "succeeded": "$success", "paused": "$warning"}.get(state, "")
    parts: list[Content] = []
    for name, value in rows:
        if value:
            style = colour if name in ("state", "status") else ""
            parts.append(Content.assemble((f"{name:<11}", "$muted"), (safe(value), style), "\n"))
    error = job.status.failed.error if state == "failed" else pb.JobError()
    if error.hint:
        parts.append(Content.assemble(("\nWhat to do  ", "b"), f"{safe(error.hint)}\n"))
    if error.log_tail:
        tail = "\n".join(safe(line) for line in error.log_tail.splitlines())
        parts.append(Content.assemble(("\nThe end of its log\n", "b"), (tail, "$muted"), "\n"))
    which = job.spec.WhichOneof("spec")
    if which:
        asked = as_json.pretty(getattr(job.spec, which))
        parts.append(
            Content.assemble(
                ("\nWhat was asked\n", "b"), ("\n".join(safe(line) for line in asked.splitlines()), "$muted")
            )
        )
    return Content("").join(parts)
