"""`myna serve`: the doors for other programs, in the foreground."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

import proto
from proto.channel import Address
from tui import session

app = typer.Typer()


@app.command(rich_help_panel="Daemon")
def serve(
    http: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="OpenAI's speech API. Default: myna.toml's, or 127.0.0.1:8765."),
    ] = None,
    wyoming: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Home Assistant's protocol; also unix:PATH.")
    ] = None,
) -> None:
    """Open doors for other programs: OpenAI's speech API, Home Assistant's Wyoming. Ctrl-C closes them. (The tables
    http and wyoming of myna.toml have the daemon do it.)"""
    named = (("--http", http), ("--wyoming", wyoming))
    options = [word for name, value in named if value is not None for word in (name, value)]
    command = [sys.executable, "-m", "daemon.serve", *options]
    process = subprocess.Popen(command, env=environment(session.where()))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: process.terminate())
    raise typer.Exit(process.wait())


def environment(where: Address) -> dict[str, str]:
    """By which the doors find the daemon that is meant."""
    said = {
        "MYNA_HOME": str(where.home),
        "MYNA_HOST": where.host,
        "MYNA_TOKEN": where.token,
        "MYNA_CA": str(where.tls_ca or ""),
        "MYNA_CLIENT_CERT": str(where.tls_cert or ""),
        "MYNA_CLIENT_KEY": str(where.tls_key or ""),
        "MYNA_TLS_NAME": where.tls_name,
    }
    root = str(Path(proto.__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return {**os.environ, **said, "PYTHONPATH": path}
