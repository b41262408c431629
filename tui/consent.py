"""Consent notes at the command line: asked for once, where somebody sits at a terminal."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from proto import myna_pb2 as pb
from proto.client import Client
from tui import output, wording

#: the option of commands that may make a voice
Option = Annotated[
    str,
    typer.Option(
        "--consent",
        metavar="TEXT",
        help="Whose voice it is, and that you may use it; kept with the voice. Asked for at a terminal.",
    ),
]
QUESTION = "Whose voice is {voice}, and may you use it? (Enter: not now)"


def asked(client: Client, voice: str, *, quiet: bool) -> str:
    """What a person answers who makes a voice; empty: nobody sits here, there is a note, or they answer later. `quiet`:
    nobody is to be asked."""
    if quiet or not (sys.stdin.isatty() and sys.stderr.isatty()) or not client.consent_notes(voice).asks:
        return ""
    return str(typer.prompt(QUESTION.format(voice=voice), default="", show_default=False, err=True)).strip()


def how(voice: str) -> str:
    """The command that writes a note."""
    return f'myna voices consent {voice} "WHOSE VOICE IT IS"'


def line(note: pb.ConsentNote) -> str:
    """A note on one line: what it says, who wrote it and when."""
    return output.safe(f"“{note.text}” ({note.by}, {wording.moment(note.time)})")
