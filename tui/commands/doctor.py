"""`myna doctor`: what is wrong here, and how to mend it."""

from __future__ import annotations

import typer

from tui import doctor as checks
from tui import output, session, wording

app = typer.Typer()


@app.command(rich_help_panel="Set-up")
def doctor(json: output.Json = False) -> None:
    """Check this machine: Python, torch, GPU, disk, audio, engines and their weights; says how to fix what is wrong.

    Works with and without a daemon. Exits 1 when there is a problem; notes are not problems.
    """
    findings = checks.examine(session.client())
    problems = sum(finding.state == "problem" for finding in findings)
    if json:
        output.json(findings)
    else:
        output.findings(findings)
        output.line("No problems." if not problems else f"{wording.count(problems, 'problem')}.")
    if problems:
        raise typer.Exit(1)
