"""`myna derive`: a new voice from another one's clips, higher or lower, faster or slower, livelier or calmer."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from proto import myna_pb2 as pb
from tui import arguments, output, session
from tui.commands import jobs
from tui.commands.train import wait_for

app = typer.Typer()

#: "+2st", "-1.5", "2 st"
SEMITONES = re.compile(r"\s*([+-]?[0-9]+(?:\.[0-9]+)?)\s*(?:st|semitones?)?\s*")


@app.command(rich_help_panel="Voices")
def derive(
    parent: arguments.Voice,
    name: Annotated[str, typer.Argument(metavar="NEW", help="What the new voice is to be called.")],
    pitch: Annotated[
        str, typer.Option("--pitch", metavar="SEMITONES", help="Higher by so much, -12 to 12: +2st; -1.5st: lower.")
    ] = "0",
    pace: Annotated[
        float, typer.Option("--pace", metavar="TIMES", help="Faster by so much, 0.5 to 2, at the same pitch.")
    ] = 1.0,
    liveliness: Annotated[
        float,
        typer.Option("--liveliness", metavar="TIMES", help="Pitch that moves so much wider, 0 to 3; below 1: calmer."),
    ] = 1.0,
    dataset: Annotated[
        int,
        typer.Option(metavar="NUMBER", help="VOICE's; 0: the newest.", autocompletion=arguments.dataset_numbers),
    ] = 0,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it is made, trained and scored.")] = False,
    json: output.Json = False,
) -> None:
    """Make a new voice from VOICE's clips, without new recordings: another pitch, pace or liveliness.

    It is trained and scored as other voices are. What is held out of VOICE is held out of it, too.
    """
    client = session.client()
    asked = pb.DeriveSpec(
        voice=name, parent=parent, pitch=semitones(pitch), pace=pace, liveliness=liveliness, dataset=dataset
    )
    job = client.submit(asked)
    if wait:
        wait_for(client, job.id, name, json)
        return
    jobs.show(job, json)
    if not json:
        output.line(f"Follow it: myna logs {job.id} -f")


def semitones(text: str) -> float:
    """A distance in pitch, with or without its unit. Raises BadParameter."""
    found = SEMITONES.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is not a number of semitones, like +2st", param_hint="--pitch")
    return float(found[1])
