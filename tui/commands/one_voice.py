"""`myna voices show` and `myna voices consent`: one voice, and whose it is."""

from __future__ import annotations

from typing import Annotated

import typer

from proto import myna_pb2 as pb
from tui import arguments, consent, output, session, wording
from tui.commands.voices import group

app = typer.Typer()  # both commands are below `myna voices`


@group.command()
def show(voice: arguments.Voice, json: output.Json = False) -> None:
    """Show one voice: what it has, what speaks for it, whose it is, what happens next."""
    found = session.client().voice(voice)
    if json:
        output.json(found)
        return
    output.line(output.safe(found.name))
    kept = f"{wording.duration(found.kept_seconds)} in dataset #{found.newest_dataset}" if found.newest_dataset else ""
    output.fields(
        (
            ("language", _language(found)),
            ("engine", found.engine),
            ("speaks", f"{found.name}@{found.promoted}" if found.promoted else f"the base of {found.engine}"),
            ("versions", found.versions),
            ("recordings", f"{found.recordings} ({wording.duration(found.recorded_seconds)})"),
            ("kept", kept),
            ("derived", f"from {found.derivation.voice}" if found.HasField("derivation") else ""),
            ("made", wording.moment(found.created)),
            ("consent", _consent(found)),
            ("next", found.next),
        )
    )


@group.command(name="consent")
def write(
    voice: Annotated[str, typer.Argument(metavar="VOICE", help="The voice.", autocompletion=arguments.voice_names)],
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="[TEXT]", help='Whose voice it is, and why you may use it: "Anna Berg, with her written consent".'
        ),
    ] = None,
    json: output.Json = False,
) -> None:
    """Write whose voice it is and that you may use it; without TEXT, show all that was ever written.

    The note is kept with the voice, and goes along with every export.
    """
    client = session.client()
    if text is not None:
        note = client.set_consent(voice, text)
        if json:
            output.json(note)
        else:
            output.line(f"{output.safe(voice)} has its consent note: {consent.line(note)}")
        return
    found = client.consent_notes(voice)
    if json:
        output.json(found)
        return
    rows = ((wording.moment(note.time), note.by, note.voice, note.text) for note in found.notes)
    output.table(("written", "by", "voice", "note"), rows, f"Nobody wrote whose voice it is. Do: {consent.how(voice)}")


def _language(found: pb.Voice) -> str:
    if not found.HasField("heard_language"):
        return found.language
    heard = found.heard_language
    if not heard.language:
        return f"{found.language}, until Whisper has heard which it is"
    return f"{found.language}, heard: {heard.probability:.0%} over {heard.seconds:.0f} s (voice.toml may say another)"


def _consent(found: pb.Voice) -> str:
    return consent.line(found.consent) if found.HasField("consent") else f"no note: {consent.how(found.name)}"
