"""`myna say`: hear a voice, or save what it says."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from typing import Annotated

import typer

from proto import myna_pb2 as pb
from proto import passes
from proto.client import Client, ClientError
from proto.messages import speak_spec
from sound.tags import Tag
from tui import arguments, as_json, cost, names, output, progress, session, wording
from tui.audio_file import Sink
from tui.player import Player

app = typer.Typer()

Set = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="One of the engine's own settings.")]
After = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PASS,…",
        help="What becomes of the sound then, in this order: convert:VOICE (it sounds like that voice; convert:anna@7: "
        "as in the recordings of version 7), enhance (noise is taken out).",
    ),
]

Who = Annotated[
    str,
    typer.Option(
        "--voice",
        "-v",
        metavar="VOICE[@VERSION]",
        help="Default: the only voice there is.",
        autocompletion=arguments.version_names,
    ),
]
Estimate = Annotated[
    bool, typer.Option("--estimate", help="Only tell what it would cost, of a voice elsewhere (openai:alloy).")
]
LIST = "?"  #: in place of a speaker's name: say which there are


@app.command(rich_help_panel="Voices")
def say(
    text: Annotated[list[str] | None, typer.Argument(help="What to say; - reads it from stdin.")] = None,
    voice: Who = "",
    out: Annotated[
        str,
        typer.Option("--out", "-o", metavar="FILE", help="A .wav, .flac, .ogg, .mp3, or - (stdout). Default: play."),
    ] = "",
    speed: Annotated[float, typer.Option(metavar="NUMBER", help="2 speaks twice as fast; 0 is 1.")] = 1.0,
    seed: Annotated[int | None, typer.Option(metavar="NUMBER", help="The same seed speaks the same samples.")] = None,
    temperature: Annotated[float | None, typer.Option(metavar="NUMBER", help="How much the speech may vary.")] = None,
    language: Annotated[str, typer.Option(metavar="CODE", help="Such as en. Default: the voice's.")] = "",
    reference: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RECORDING", help="A recording of the voice to sound like (xtts); several times for more."
        ),
    ] = None,
    speaker: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="A stock speaker of the engine's base, in place of the voice (xtts); ? lists them."
        ),
    ] = "",
    setting: Set = None,
    after: After = None,
    estimate: Estimate = False,
    json: output.Json = False,
) -> None:
    """Speak a text. You hear it as soon as the first sentence is there; a running training makes room."""
    if not text and speaker != LIST:
        raise typer.BadParameter('Say what: myna say "Hello."', param_hint="TEXT")
    client = session.client()
    named = names.parse(voice) if voice else names.Named(only_voice(client), 0)
    spec = speak_spec(
        voice=named.voice,
        version=named.number,
        text=read(text or ["Speakers."]),
        language=language,
        speed=speed,
        temperature=temperature,
        seed=seed,
        options=options(setting or []),
        references=reference or [],
        speaker=speaker,
        after=passes.read(after or []),
    )
    if speaker == LIST:
        for _ in client.synthesize(spec):
            pass  # the refusal names those there are
        raise ClientError(f"The engine of {named.voice} names no speakers.", "Leave --speaker out.", "NOT_FOUND")
    if estimate:
        cost.show(client.price(spec), json)
        return
    if names.ELSEWHERE in named.voice:
        cost.agree(client.price(spec), yes=True)  # whoever names such a voice has it spoken there
    speak(client, spec, out, json)


def speak(client: Client, spec: pb.SpeakSpec, out: str, json: bool) -> None:
    """Play the speech, or write it to `out` ("-": stdout); then tell what there is to tell of it."""
    began = time.monotonic()
    with (
        Sink(out) if out else Player() as sink,
        progress.speaking(spec.text) if out else nullcontext(_show) as on_chunk,
    ):
        heard = hear(client.synthesize(spec), sink, began, on_chunk, spec.after)
    told(heard, sink, out, json)


def told(heard: dict[str, object], sink: Sink | Player, out: str, json: bool) -> None:
    """Tell what is known of speech that was heard, or written to `out`. Raises ClientError where there was none."""
    if not sink.seconds:
        raise ClientError("The voice said nothing.", "`myna jobs` shows why.", "ABORTED")
    heard |= {
        "seconds": round(sink.seconds, 3),
        "file": out,
        "underruns": sink.underruns if isinstance(sink, Player) else 0,
    }
    if isinstance(charge := heard.pop("charge", None), pb.Charge):
        heard |= {"charge": as_json.plain(charge)} if json else {}
        if not json:
            output.note(output.safe(cost.told(charge)))
    if json:
        output.json(heard) if out != "-" else output.note(as_json.line(heard))
    elif out and out != "-":
        output.line(f"{out}: {wording.duration(sink.seconds)} of {heard['voice']}")
    elif isinstance(sink, Player) and sink.underruns:
        output.note(
            f"The sound stopped {wording.count(sink.underruns, 'time')}, since speech came too late: the machine is "
            "busy. -o saves it without gaps."
        )


def hear(
    chunks: Iterable[pb.AudioChunk],
    sink: Sink | Player,
    began: float,
    on_chunk: Callable[[str, float], None],
    after: Sequence[pb.Pass] = (),
) -> dict[str, object]:
    """Write speech into the sink as it comes. `on_chunk` is called with each sentence as it begins ("": it goes on) and
    the seconds of speech so far.

    What is known of it: voice, job, sample rate, seconds from `began` (monotonic) to its first sound, what was left
    out."""
    heard: dict[str, object] = {}
    for chunk in chunks:
        if not heard:
            heard = {"voice": chunk.version, "job": chunk.job, "sample_rate": 0, "first_audio_seconds": 0.0}
            if isinstance(sink, Sink):
                sink.tag = Tag(passes.who(chunk.version, after))
        if chunk.samples:
            heard["sample_rate"] = chunk.sample_rate
            heard["first_audio_seconds"] = heard["first_audio_seconds"] or round(time.monotonic() - began, 3)
            sink.write(chunk.samples, chunk.sample_rate)
        if chunk.left_out:
            heard["left_out"] = list(chunk.left_out)
            output.note(output.safe(wording.left_out(chunk.left_out)))
        if chunk.HasField("charge"):
            heard["charge"] = chunk.charge
        on_chunk(chunk.text, sink.seconds)
    return heard


def _show(sentence: str, _seconds: float) -> None:
    """What is heard now, for whoever listens at a terminal."""
    if sentence and sys.stderr.isatty():
        output.note(output.paint(output.safe(sentence), "dim", sys.stderr))


def read(words: list[str]) -> str:
    """The text to speak. Raises ClientError when stdin is no text."""
    if words != ["-"]:
        return " ".join(words)
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError:
        raise ClientError("What came on stdin is not UTF-8 text.", "Pipe a text file.", "INVALID_ARGUMENT") from None


def options(settings: list[str]) -> dict[str, float]:
    """NAME=VALUE pairs; values are numbers."""
    chosen = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        try:
            chosen[name] = float(value)
        except ValueError:
            raise typer.BadParameter(f"{setting!r} is not NAME=NUMBER", param_hint="--set") from None
    return chosen


def only_voice(client: Client) -> str:
    """The one voice there is. Raises ClientError when there is none, or a choice."""
    known = [voice.name for voice in client.voices()]
    if len(known) == 1:
        return known[0]
    if known:
        raise ClientError("Which voice?", f"Choose with --voice; there are: {', '.join(known)}.", "INVALID_ARGUMENT")
    raise ClientError("There is no voice yet.", "`myna add NAME FILES…` makes one.", "NOT_FOUND")
