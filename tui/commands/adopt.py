"""`myna adopt`: what lies in the home and its database does not know, taken in."""

from __future__ import annotations

from typing import Annotated

import typer

from tui import output, session, wording

app = typer.Typer()


@app.command(rich_help_panel="Set-up")
def adopt(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what there is.")] = False,
    voice: Annotated[str, typer.Option(metavar="NAME", help="The voice of recordings whose voice is not known.")] = "",
    json: output.Json = False,
) -> None:
    """Take in recordings and versions that lie in the home and that its database does not know, after it was lost or an
    older one put back.

    Recordings are checked and taken by jobs; versions become candidates that nobody promoted. Nothing is moved, changed
    or deleted.
    """
    answer = session.client().adopt(dry_run=dry_run, voice=voice)
    if json:
        output.json(answer)
        return
    if not answer.found:
        output.line("The database knows every recording and version that lies in its home.")
        return
    output.table(
        ("", "state", "name", "file", ""),
        [(one.kind, one.state, one.name, one.path, one.sentence) for one in answer.found],
    )
    shown = answer.recordings + answer.versions + answer.left - len(answer.found)
    if shown:
        output.line(f"… and {shown:,} more.")
    what = f"{wording.count(answer.recordings, 'recording')} and {wording.count(answer.versions, 'version')}"
    if dry_run:
        output.line(f"`myna adopt` would take in {what}, and leave {answer.left:,} where they are.")
        return
    output.line(f"{what} are taken in." + (f" {answer.left:,} are left where they are." if answer.left else ""))
    if answer.jobs:
        output.line(f"Jobs {', '.join(f'#{job}' for job in answer.jobs)} take the recordings in. Watch them: myna jobs")
