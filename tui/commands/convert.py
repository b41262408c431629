"""`myna convert`: a recording, spoken in a voice's sound."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from proto import myna_pb2 as pb
from proto import passes
from proto.client import Client, ClientError
from proto.messages import recording_parts, speak_spec
from tui import arguments, names, output, progress, session, wording
from tui.audio_file import Sink
from tui.commands import say
from tui.player import Player

app = typer.Typer()

Like = Annotated[
    str,
    typer.Option(
        "--voice",
        "-v",
        metavar="VOICE[@VERSION]",
        help="Whom it is to sound like; with a version, as in the recordings that it was trained on. Default: the only "
        "voice there is.",
        autocompletion=arguments.version_names,
    ),
]
#: what is done now, how much of it, how much in all (0: not known), in words
Move = Callable[[str, float, float, str], None]


@app.command(rich_help_panel="Voices")
def convert(
    file: Annotated[
        Path,
        typer.Argument(help="A recording: wav, mp3, flac, ogg, m4a, …", exists=True, dir_okay=False, readable=True),
    ],
    voice: Like = "",
    out: Annotated[
        str,
        typer.Option("--out", "-o", metavar="FILE", help="A .wav, .flac, .ogg, .mp3, or - (stdout). Default: play."),
    ] = "",
    after: Annotated[
        list[str] | None, typer.Option(metavar="PASS,…", help="What becomes of it then: enhance (noise is taken out).")
    ] = None,
    engine: Annotated[
        str, typer.Option(metavar="NAME", help="The engine that converts. Default: the first that is ready.")
    ] = "",
    seed: Annotated[int | None, typer.Option(metavar="NUMBER", help="The same seed makes the same samples.")] = None,
    json: output.Json = False,
) -> None:
    """Have a recording sound like a voice. Words, intonation and pace stay the speaker's. The daemon keeps no copy of
    the recording. The voice needs recordings of its own, and no training."""
    client = session.client()
    named = names.parse(voice or say.only_voice(client))
    if names.ELSEWHERE in named.voice:
        sentence = f"{named.voice} is spoken elsewhere: here are no recordings of it to sound like."
        raise ClientError(sentence, "Name a voice of your own; a converter is named by --engine.", "INVALID_ARGUMENT")
    like = passes.to(str(named))
    like.engine = engine or like.engine
    if out and Path(out).exists() and file.samefile(out):
        raise ClientError(
            "This would write over the recording itself.", "Name another file with -o.", "INVALID_ARGUMENT"
        )
    spec = speak_spec(voice=like.voice, after=[pb.Pass(convert=like), *passes.read(after or [])], seed=seed)
    began = time.monotonic()
    with Sink(out) if out else Player() as sink, progress.stretches() as move:
        heard = say.hear(_converted(client, file, spec, move), sink, began, lambda _sentence, _seconds: None)
    say.told(heard, sink, out, json)


def _converted(client: Client, file: Path, spec: pb.SpeakSpec, move: Move) -> Iterator[pb.AudioChunk]:
    """What comes back, while a bar tells how far it is."""
    done = whole = 0.0
    for chunk in client.convert(_sent(file, spec, move)):
        whole = whole or chunk.seconds
        if chunk.job:
            move("waiting", 0.0, 0.0, f"job #{chunk.job}")
        if chunk.samples:
            done += len(chunk.samples) / 4 / chunk.sample_rate
            move("converting", done, whole, f"{wording.duration(done)} of {wording.duration(whole)}")
        yield chunk


def _sent(file: Path, spec: pb.SpeakSpec, move: Move) -> Iterator[pb.ConvertPart]:
    size, sent = file.stat().st_size, 0
    for part in recording_parts(file, spec):
        sent += len(part.data)
        move("sending", sent, size, wording.size(sent))
        yield part
