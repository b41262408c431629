"""`myna clean`: what is kept how long."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from proto import myna_pb2 as pb
from proto.client import ClientError
from tui import output, session, wording

app = typer.Typer()

WORDS = {
    pb.CLEANED_LOG: "log",
    pb.CLEANED_PACKAGE: "package",
    pb.CLEANED_FEATURES: "features",
    pb.CLEANED_CHECKPOINTS: "checkpoints",
    pb.CLEANED_REJECTED: "weights",
}

NOTHING_OLD = "nothing is older than the table keep of myna.toml says (docs/keeping.md)"
NOTHING_SHORT = "the disk is not short, or nothing may go for that (docs/keeping.md)"


@app.command(rich_help_panel="Set-up")
def clean(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go, how much, and why.")] = False,
    room: Annotated[
        bool, typer.Option("--room", help="Not what is old: what goes when the disk is short, as far as it is.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: output.Json = False,
) -> None:
    """Delete what the table keep of myna.toml says is too old: logs, packages, checkpoints of failed trainings, spoken
    texts.

    Recordings, datasets, and versions that are promoted, archived or candidates stay. mynad cleans by itself,
    when the disk is short, and once an hour.
    """
    client = session.client()
    found = client.clean(room=room, dry_run=True)
    if dry_run or not (found.cleaned or found.texts):
        tell(found, json, "would free", NOTHING_SHORT if room else NOTHING_OLD)
        return
    if not yes:
        if not json:
            tell(found, json, "would free")
        if not sys.stdin.isatty():
            raise ClientError("Nothing was deleted: nobody can be asked here.", "Add --yes.", "FAILED_PRECONDITION")
        if not typer.confirm("Delete these?", err=True):
            raise ClientError("Nothing was deleted.", "", "FAILED_PRECONDITION")
    done = client.clean(room=room)
    tell(done, json, "freed")
    if done.failed:
        raise typer.Exit(1)


def tell(found: pb.CleanResponse, json: bool, frees: str, nothing: str = "") -> None:
    """What goes, and why; `nothing`: why nothing does."""
    if json:
        output.json(found)
        return
    rows = [(WORDS.get(one.what, ""), one.name, wording.size(one.size), one.why) for one in found.cleaned]
    if rows:
        output.table(("", "what", "size", "why"), rows)
    for failed in found.failed:
        output.note(failed)
    if found.texts:
        gone = "are forgotten" if frees == "freed" else "would be forgotten"
        output.line(f"The texts of {wording.count(found.texts, 'job')} {gone}.")
    if rows:
        output.line(f"This {frees} {wording.size(found.freed)}.")
    elif not found.texts and not found.failed:
        output.line(f"There is nothing to clean: {nothing}.")
