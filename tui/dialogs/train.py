"""Ask for a training: which voice, from where, how; what it would cost is said while the form is filled in."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.timer import Timer
from textual.widgets import Button, Input, Label, Static

from proto import energy_words, gpu_words
from proto import myna_pb2 as pb
from proto.channel import ClientError
from tui import wording
from tui.dashboard.actions import asks
from tui.output import safe

if TYPE_CHECKING:
    from tui.dashboard.host import Host

QUIET = 0.4  #: seconds without a key before the price is asked for


@dataclass(frozen=True)
class Wanted:
    """What a training is asked with."""

    voice: str
    dataset: int = 0  #: 0: the newest
    start: str = ""  #: version number or "base"; empty: the promoted version, else the base
    choices: tuple[
        tuple[str, Any], ...
    ] = ()  #: fields of TrainOptions; `engine` has no field in the form: it goes with the LoRA rank


#: field → (label, what an empty one means, type)
FIELDS: dict[str, tuple[str, str, type[Any]]] = {
    "voice": ("Voice", "its name", str),
    "start": ("From", "the promoted version, else the base", str),
    "dataset": ("Dataset", "the newest", int),
    "steps": ("Steps", "the engine's choice", int),
    "learning_rate": ("Learning rate", "the engine's choice", float),
    "batch_size": ("Batch size", "the engine's choice", int),
    "lora_rank": ("LoRA rank", "the engine's choice; 0: all parameters", int),
    "seed": ("Seed", "the engine's choice", int),
}


class TrainScreen(ModalScreen[Wanted | None], inherit_bindings=False):
    """The form; what it was filled in with, or None."""

    BINDINGS = [
        Binding("escape", "leave", "Cancel", show=False, id="train.leave"),
        Binding("ctrl+t", "train", "Train", show=False, id="train.submit"),
        Binding("tab,down", "app.focus_next", "Next field", show=False, id="train.next"),
        Binding("shift+tab,up", "app.focus_previous", "Field before", show=False, id="train.before"),
    ]
    DEFAULT_CSS = """
    TrainScreen {
        align: center middle;
        & > Vertical {
            width: 72; max-width: 96%; height: auto; border: round $primary;
            background: $surface; padding: 0 2;
        }
        & Horizontal { height: 1; }
        & Horizontal > Label { width: 15; color: $text-muted; }
        & Input { width: 1fr; }
        & #price { margin: 1 0; height: auto; max-height: 5; }
        & #buttons { align-horizontal: right; }
        & Button { margin-left: 2; }
    }
    """

    app: Host  # type: ignore[assignment]

    def __init__(self, begin: Wanted, title: str) -> None:
        super().__init__()
        self._begin, self._title = begin, title
        self._asking: Timer | None = None

    @classmethod
    async def ask(
        cls, app: Host, voice: str = "", begin: Wanted | None = None, title: str = "Train a voice"
    ) -> pb.Job | None:
        """Show the form and, if it is filled in, submit. Raises ClientError. Only from inside a worker."""
        wanted = await app.push_screen_wait(cls(begin or Wanted(voice), title))
        if wanted is None:
            return None
        key = uuid.uuid4().hex  # an answer that is lost on the way is asked for again, without a second training
        job = await app.client.train(
            wanted.voice, dataset=wanted.dataset, start=wanted.start, key=key, **dict(wanted.choices)
        )
        app.say(f"Queued as #{job.id}: {job.title}")
        return job

    def compose(self) -> ComposeResult:
        given = {
            "voice": self._begin.voice,
            "start": self._begin.start,
            "dataset": self._begin.dataset or "",
            **dict(self._begin.choices),
        }
        with Vertical() as box:
            box.border_title = self._title
            box.border_subtitle = "Tab next · ^t train · Esc cancel"
            for name, (label, empty, kind) in FIELDS.items():
                with Horizontal():
                    yield Label(label)
                    yield Input(
                        str(given.get(name, "")),
                        placeholder=empty,
                        id=name.replace("_", "-"),
                        compact=True,
                        type={int: "integer", float: "number"}.get(kind, "text"),  # type: ignore[arg-type]  # one of Textual's three
                        suggester=SuggestFromList(sorted(self.app.live.voices)) if name == "voice" else None,
                    )
            yield Static("", id="price")
            with Horizontal(id="buttons"):
                yield Button("Train (^t)", id="train", variant="primary", compact=True)
                yield Button("Cancel (esc)", id="leave", compact=True)

    def on_input_changed(self, event: Input.Changed) -> None:
        if self._asking is not None:
            self._asking.stop()
        self._asking = self.set_timer(QUIET, self.price)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.focus_next()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "train":
            self.action_train()
        else:
            self.dismiss(None)

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_train(self) -> None:
        try:
            self.dismiss(self._wanted())
        except ClientError as problem:
            self._show_sentence(problem.sentence, problem.hint, "$error")

    @asks
    async def price(self) -> None:
        """Say what it would cost."""
        try:
            wanted = self._wanted()
            estimate = await self.app.client.estimate(
                wanted.voice, dataset=wanted.dataset, start=wanted.start, **dict(wanted.choices)
            )
        except ClientError as problem:
            self._show_sentence(problem.sentence, problem.hint, "$warning")
            return
        parts = [f"{estimate.steps:,} steps"]
        time = wording.expected_time(estimate.training)
        parts += [time or f"about {wording.duration(estimate.seconds)}"] if estimate.seconds else []
        parts += [cost for cost in energy_words.expected(estimate.training) if cost]
        parts += [f"{wording.size(estimate.gpu_memory)} of GPU memory"] if estimate.gpu_memory else []
        parts += [f"{wording.size(estimate.disk)} on the disk"] if estimate.disk else []
        short = gpu_words.too_little(estimate.gpu)
        more = [f"It {gpu_words.memory(estimate.gpu)}."] if short else []
        self._show_sentence(
            ", ".join(parts) + ".", " ".join([*more, *estimate.sentences]), "$warning" if short else "$success"
        )

    def _show_sentence(self, sentence: str, more: str, colour: str) -> None:
        if self.is_mounted:
            self.query_one("#price", Static).update(
                Content.assemble((safe(sentence), colour), f" {safe(more)}" if more else "")
            )

    def _wanted(self) -> Wanted:
        """What stands in the form. Raises ClientError that names the field that cannot be meant."""
        read: dict[str, Any] = {}
        for name, (label, _, kind) in FIELDS.items():
            text = self.query_one(f"#{name.replace('_', '-')}", Input).value.strip()
            try:
                read[name] = kind(text) if text else None
            except ValueError:
                raise ClientError(f"{label}: {text!r} is not a number.", "", "INVALID_ARGUMENT") from None
        if not read["voice"]:
            raise ClientError(
                "Which voice?",
                f"There are: {', '.join(sorted(self.app.live.voices)) or 'none yet'}.",
                "INVALID_ARGUMENT",
            )
        start = (read["start"] or "").removeprefix("v")
        fixed = ("voice", "start", "dataset")
        choices = tuple((name, value) for name, value in read.items() if name not in fixed and value is not None)
        begun = dict(self._begin.choices)
        if "engine" in begun and read["lora_rank"] == begun.get(
            "lora_rank"
        ):  # adapters of another rank have an alpha of their own
            choices = (*choices, ("engine", begun["engine"]))
        return Wanted(read["voice"], read["dataset"] or 0, start, choices)
