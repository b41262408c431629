"""`myna recordings`, `remove`, `restore`: what people gave, and what is to be left out of it. `myna restore` puts
backups back, too (`tui.upkeep`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from proto import myna_pb2 as pb
from proto.client import Client, ClientError
from tui import arguments, metrics, output, session, upkeep, wording

app = typer.Typer()

PANEL = "Recordings"


#: Of `Recording.quality`: what is shown of it, and how; without a title it is a metric of versions, too, and called so.
MEASURES = {
    "snr_db": ("SNR dB", "{:.0f}"),
    "lufs": ("LUFS", "{:.1f}"),
    "peak": ("peak", "{:.2f}"),
    "clipped_share": ("clipped", "{:.2%}"),
    "silence_share": ("silence", "{:.0%}"),
    "bandwidth_hz": ("band Hz", "{:,.0f}"),
    "rt60": ("reverb s", "{:.2f}"),
    "dc_offset": ("DC", "{:+.4f}"),
    "dnsmos": ("", "{:.2f}"),
    "channels": ("channels", "{:.0f}"),
}


def argument(complete: Callable[[typer.Context, str], list[arguments.Offer]]) -> Any:
    """The argument SHA of a command that takes a recording."""
    return typer.Argument(
        metavar="SHA",
        help="The recording, as `myna recordings` shows it (its first characters are enough), or its name.",
        autocompletion=complete,
    )


@app.command(rich_help_panel=PANEL)
def recordings(
    voice: arguments.Voice,
    removed: Annotated[bool, typer.Option("--removed", help="Also those that were taken out.")] = False,
    measures: Annotated[bool, typer.Option("--measures", help="How each was recorded, over all its clips.")] = False,
    json: output.Json = False,
) -> None:
    """List a voice's recordings."""
    found = list(session.client().recordings(voice, removed=removed))
    if json:
        output.json(found)
        return
    if measures:
        infos = session.client().info().metrics
        titles = (title or metrics.find(infos, name).title for name, (title, _) in MEASURES.items())
        head = ("recording", *titles, "name")
        numbers = ((row.sha256[:12], *_measured(row), row.name) for row in found)
        output.table(head, numbers, f"{voice} has no recordings.")
        return
    rows = (
        (
            row.sha256[:12],
            "removed" if row.HasField("removed") else "made" if row.made_from else "",
            wording.duration(row.seconds),
            row.clips,
            wording.moment(row.added),
            row.name,
        )
        for row in found
    )
    head = ("recording", "state", "length", "clips", "added", "name")
    output.table(head, rows, f"{voice} has no recordings. `myna add {voice} FILES…` gives it some.")


@app.command(rich_help_panel=PANEL)
def remove(
    voice: arguments.Voice,
    sha: Annotated[str, argument(arguments.recording_ids)],
    json: output.Json = False,
) -> None:
    """Take a recording out of the voice's next datasets. Nothing is deleted: `myna restore` brings it back."""
    client = session.client()
    row = client.remove_recording(voice, _whole(client, voice, sha).sha256)
    if json:
        output.json(row)
    else:
        output.line(
            f"{output.safe(row.name)} will be in no further dataset of {voice}. Bring it back: myna "
            f"restore {voice} {row.sha256[:12]}"
        )


@app.command(rich_help_panel=PANEL)
def restore(
    voice: Annotated[
        str,
        typer.Argument(
            metavar="VOICE", help="The voice; or a folder of backups.", autocompletion=arguments.voice_names
        ),
    ],
    sha: Annotated[str, argument(arguments.removed_recording_ids)] = "",
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="HOME", help="Restore a backup: the new or empty folder that becomes a home."),
    ] = None,
    snapshot: Annotated[str, typer.Option(metavar="ID", help="With --to: which snapshot (else the newest).")] = "",
    json: output.Json = False,
) -> None:
    """Bring back a recording that was taken out: `myna restore VOICE SHA`. Or make a home of a backup: `myna restore
    FOLDER --to HOME`.

    Nothing that is there is written over. A restoring that was interrupted goes on when it is asked for again.
    """
    if to is not None:
        if sha:
            raise typer.BadParameter("--to restores a backup: name its folder and nothing else")
        upkeep.restore(voice, to, snapshot, json=json)
        return
    if not sha or snapshot:
        raise typer.BadParameter("name a recording of the voice; or, for a backup, the home with --to")
    client = session.client()
    row = client.restore_recording(voice, _whole(client, voice, sha).sha256)
    if json:
        output.json(row)
    else:
        output.line(f"{output.safe(row.name)} is in {voice}'s next dataset again.")


def _whole(client: Client, voice: str, named: str) -> pb.Recording:
    """The one recording of that name, or whose digest begins so."""
    known = list(client.recordings(voice, removed=True))
    hits = [row for row in known if row.sha256.startswith(named.lower())] or [row for row in known if row.name == named]
    if len(hits) == 1:
        return hits[0]
    if hits:
        raise ClientError(
            f"{named} could be any of {len(hits)} recordings of {voice}.",
            "Give more characters of the recording.",
            "INVALID_ARGUMENT",
        )
    raise ClientError(
        f"{voice} has no recording {named}.", f"`myna recordings {voice} --removed` lists them.", "NOT_FOUND"
    )


def _measured(row: pb.Recording) -> list[str]:
    """The numbers of MEASURES; "-" for what was not measured."""
    known = row.quality
    return [form.format(known[name]) if name in known else "-" for name, (_, form) in MEASURES.items()]
