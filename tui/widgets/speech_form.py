"""Who speaks and how: voice and version, language, speed, temperature, seed, in one line; in another one what becomes
of the sound then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.suggester import SuggestFromList
from textual.widgets import Input, Label

from proto import myna_pb2 as pb
from proto.channel import ClientError
from proto.messages import speak_spec
from tui import names
from tui.widgets.after_line import AfterLine
from tui.widgets.name_box import NameBox

N = TypeVar("N", int, float)


class SpeechForm(Vertical):
    """`spec` is what stands in it; `fill` writes it."""

    DEFAULT_CSS = """
    SpeechForm {
        height: 2;
        & > Horizontal { height: 1; }
        & Label { color: $text-muted; margin-left: 2; }
        & Label:first-child { margin-left: 0; }
        & Input { background: $boost; margin-left: 1; padding: 0; }
        & #who { width: 18; }
        & #language { width: 5; }
        & #speed, & #temperature { width: 5; }
        & #seed { width: 11; }
    }
    .-wide SpeechForm #who { width: 30; }
    """

    SCOPED_CSS = False  # it looks different on a wide or tall screen

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Label("voice")
            yield NameBox("anna@7", id="who")
            yield Label("lang")
            yield Input(placeholder="its", id="language", compact=True)
            yield Label("speed")
            yield Input(placeholder="1.0", id="speed", compact=True)
            yield Label("temp")
            yield Input(placeholder="its", id="temperature", compact=True)
            yield Label("seed")
            yield Input(placeholder="any", id="seed", compact=True)
        yield AfterLine()

    def offer(self, voices: Sequence[str], languages: Iterable[str], engines: Iterable[pb.EngineState]) -> None:
        """The voices with their versions, the languages and the engines that there are."""
        self.query_one(NameBox).offer(voices)
        self.query_one(AfterLine).offer(voices, engines)
        self.query_one("#language", Input).suggester = SuggestFromList(sorted(set(languages)))

    def spec(self, text: str) -> pb.SpeakSpec:
        """What is asked for. Raises ClientError for what cannot be meant."""
        if not text.strip():
            raise ClientError("There is nothing to say.", "Type a sentence.", "INVALID_ARGUMENT")
        if not self._field("who"):
            raise ClientError("No voice is named.", "Name a voice, such as anna or anna@7.", "INVALID_ARGUMENT")
        named = names.parse(self._field("who"))
        return speak_spec(
            voice=named.voice,
            version=named.number,
            text=text.strip(),
            language=self._field("language"),
            speed=self._number("speed", float) or 1.0,
            temperature=self._number("temperature", float),
            seed=self._number("seed", int),
            after=self.query_one(AfterLine).asked(),
        )

    def fill(self, spec: pb.SpeakSpec) -> None:
        """Write these settings, seed and all."""
        values = {
            "who": str(names.Named(spec.voice, spec.version)),
            "language": spec.language,
            "speed": "" if spec.speed in (0.0, 1.0) else f"{spec.speed:g}",
            "temperature": f"{spec.temperature:g}" if spec.HasField("temperature") else "",
            "seed": str(spec.seed) if spec.HasField("seed") else "",
        }
        for name, value in values.items():
            self.query_one(f"#{name}", Input).value = value
        self.query_one(AfterLine).fill(spec.after)

    def _field(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    def _number(self, name: str, kind: type[N]) -> N | None:
        """What stands there; which numbers may is the daemon's to say. Raises ClientError for what is none."""
        text = self._field(name)
        try:
            return kind(text) if text else None
        except ValueError:
            hint = f"It is a {'whole ' if kind is int else ''}number; empty leaves it to the voice."
            raise ClientError(f"{text!r} is not a {name}.", hint, "INVALID_ARGUMENT") from None
