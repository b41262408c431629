"""`myna up` and `myna down`: the local daemon."""

from __future__ import annotations

from typing import Annotated

import typer

from proto import lock
from proto.client import ClientError
from tui import daemon, output, session

app = typer.Typer()

PANEL = "Daemon"


@app.command(rich_help_panel=PANEL)
def up(json: output.Json = False) -> None:
    """Start the local daemon, if none runs, and wait until it answers. (For systemd there is `mynad`.)"""
    where = session.where()
    if where.remote:
        raise ClientError(
            f"The daemon at {where} is on another machine.", "Run `myna up` there, or start mynad with systemd."
        )
    client = session.client()
    running = client.ready()
    pid = client.info().pid if running else daemon.start(where.home)
    if json:
        output.json({"pid": pid, "home": str(where.home), "started": not running})
    else:
        output.line(
            f"{'A daemon is already running' if running else 'The daemon is running'} (process {pid}) in {where.home}."
        )


@app.command(rich_help_panel=PANEL)
def down(
    now: Annotated[bool, typer.Option("--now", help="Do not wait until training has saved its last steps.")] = False,
    json: output.Json = False,
) -> None:
    """Stop the daemon. A running training saves its work and goes on at the next start."""
    client = session.client()
    where = session.where()
    if not where.remote and not client.ready() and not lock.is_held(where.home):
        if json:
            output.json({"ended": False})
        else:
            output.line("No daemon was running.")
        return
    daemon.end(client, now=now)
    if json:
        output.json({"ended": True})
    else:
        output.line("The daemon has stopped.")
