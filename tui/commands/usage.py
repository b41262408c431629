"""`myna usage`: what was sent to engines elsewhere, and what that cost; and what people used."""

from __future__ import annotations

from typing import Annotated

import typer

from tui import as_json, cost, output, session

app = typer.Typer()


@app.command(rich_help_panel="Voices")
def usage(
    person: Annotated[str, typer.Argument(metavar="[NAME]", help="Only what was sent for this person.")] = "",
    json: output.Json = False,
) -> None:
    """Show what engines elsewhere were sent in the last month, day by day, and what that cost.

    What people used of this machine is in `myna people usage`.
    """
    found = session.client().charges(person)
    if json:
        output.json([as_json.plain(one) for one in found])
        return
    output.table(cost.HEAD, cost.rows(found), "Nothing was sent to an engine elsewhere.")
