"""What becomes of speech after its engine, as `--after` has it: a box, and beside it what that does, or why it cannot
be, told while it is typed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.suggester import SuggestFromList
from textual.widgets import Input, Label

from proto import myna_pb2 as pb
from proto import passes
from proto.channel import ClientError


class AfterLine(Horizontal):
    """`asked` is what stands in it; `fill` writes it."""

    DEFAULT_CSS = """
    AfterLine {
        height: 1;
        & > #after { width: 22; }
        & > #after-said { width: 1fr; height: 1; text-overflow: ellipsis; text-wrap: nowrap; }
        & > #after-said.-wrong { color: $text-error; }
    }
    .-wide AfterLine > #after { width: 32; }
    """
    SCOPED_CSS = False  # its boxes look as those of the form around it

    def __init__(self) -> None:
        super().__init__()
        self._voices: frozenset[str] = frozenset()  #: that there are; none: not known yet
        self._converters: dict[str, pb.EngineState] = {}  #: the same of engines that convert
        self._completions = [passes.ENHANCE, f"{passes.CONVERT}:"]  #: what may be on its way

    def compose(self) -> ComposeResult:
        yield Label("after")
        yield Input(placeholder=passes.KNOWN, id="after", compact=True)
        yield Label("", id="after-said", markup=False)

    def offer(self, names: Sequence[str], engines: Iterable[pb.EngineState]) -> None:
        """Complete it from the voices there are (versions of them are among the names), and know who converts."""
        self._converters = {engine.name: engine for engine in engines if "converts" in engine.capabilities}
        voices = sorted({name.partition("@")[0] for name in names if ":" not in name})
        self._voices = frozenset(voices)
        converting = [f"{passes.CONVERT}:{voice}" for voice in voices]
        self._completions = [passes.ENHANCE, *converting, *(f"{one},{passes.ENHANCE}" for one in converting)]
        self.query_one(Input).suggester = SuggestFromList(self._completions)
        self._tell()

    def asked(self) -> list[pb.Pass]:
        """The passes, in order. Raises ClientError for what is none, for a voice or a converter that there is not."""
        text = self.query_one(Input).value.strip()
        found = passes.read([text]) if text else []
        if (convert := passes.conversion(found)) is not None:
            self._check(convert)
        return found

    def _check(self, convert: pb.ConvertPass) -> None:
        """What the daemon would refuse when it is asked."""
        if self._voices and convert.voice not in self._voices:
            hint = f"There are: {', '.join(sorted(self._voices))}."
            raise ClientError(f"There is no voice named {convert.voice!r}.", hint, "NOT_FOUND")
        if not self._converters:
            return
        chosen = [one for name, one in self._converters.items() if convert.engine in ("", name)]
        if not chosen:
            hint = f"These do: {', '.join(self._converters)}."
            raise ClientError(f"No engine named {convert.engine!r} converts.", hint, "INVALID_ARGUMENT")
        if not any(one.ready for one in chosen):
            raise ClientError(f"Speech cannot be converted yet. {chosen[0].sentence}", "", "FAILED_PRECONDITION")

    def fill(self, asked: Iterable[pb.Pass]) -> None:
        """Write these."""
        self.query_one(Input).value = passes.written(asked)

    def on_input_changed(self) -> None:
        self._tell()

    def _tell(self) -> None:
        said = self.query_one("#after-said", Label)
        try:
            words, wrong = _words(self.asked()), False
        except ClientError as error:
            half = any(one.startswith(self.query_one(Input).value) for one in self._completions)
            words, wrong = ("", False) if half else (error.sentence, True)
        said.update(words)
        said.set_class(wrong, "-wrong")


def _words(asked: Iterable[pb.Pass]) -> str:
    """What they do, one after the other."""
    return ", then ".join(
        f"it sounds like {passes.like(one.convert)}" if one.HasField("convert") else "noise is taken out"
        for one in asked
    )
