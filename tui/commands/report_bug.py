"""`myna report-bug`: one file for those who mend Myna."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated

import typer

from proto.client import ClientError
from tui import bug_report, output, session

app = typer.Typer()


@app.command("report-bug", rich_help_panel="Set-up")
def report_bug(
    to: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Default: myna-report-….tar.gz, here.")
    ] = None,
    job: Annotated[
        int, typer.Option(metavar="ID", min=0, help="With the end of this job's log; it may hold words of texts.")
    ] = 0,
) -> None:
    """Pack what a report of a bug needs: versions, what the doctor finds, settings, and the ends of logs.

    Secrets, texts, and names of people, voices and files are left out. Nothing is sent: you see what the file holds,
    and send it yourself.
    """
    file = to or Path(f"myna-report-{datetime.datetime.now():%Y%m%d-%H%M%S}.tar.gz")
    made = bug_report.parts(session.client(), job)
    try:
        bug_report.pack(made, file)
    except FileExistsError:
        raise ClientError(f"{file} is there already.", "Name another file with -o.", "ALREADY_EXISTS") from None
    output.line(f"{output.safe(str(file))} holds:")
    for part in made:
        output.line(f"  {part.name:14}  {part.holds}")
    output.line(f"Look through it before you send it: tar -xzOf {output.safe(str(file))} | less")
