"""Options of `myna` itself, before any command: which daemon, and how the dashboard opens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DAEMON, DASHBOARD = "Which daemon", "The dashboard (without a command)"  #: headings in the help

Host = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="A remote daemon (TLS). Also MYNA_HOST.", rich_help_panel=DAEMON),
]
Ssh = Annotated[
    str | None,
    typer.Option(
        metavar="USER@BOX[:PORT]",
        help="A remote daemon, through SSH. Also MYNA_SSH.",
        rich_help_panel=DAEMON,
    ),
]
SshHome = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER",
        help="Its state folder there. Also MYNA_SSH_HOME. Default: found.",
        rich_help_panel=DAEMON,
    ),
]
Token = Annotated[
    str | None,
    typer.Option(metavar="TOKEN", help="Its token, or @FILE that holds it. Also MYNA_TOKEN.", rich_help_panel=DAEMON),
]
Home = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="State folder of a local daemon. Also MYNA_HOME.", rich_help_panel=DAEMON),
]
TlsCa = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Certificate that signed the daemon's. Also MYNA_CA.", rich_help_panel=DAEMON),
]
TlsCert = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Our own certificate. Also MYNA_CLIENT_CERT.", rich_help_panel=DAEMON),
]
TlsKey = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Its key. Also MYNA_CLIENT_KEY.", rich_help_panel=DAEMON)
]
TlsName = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Name in the daemon's certificate. Also MYNA_TLS_NAME.", rich_help_panel=DAEMON),
]
Readonly = Annotated[
    bool,
    typer.Option("--readonly", help="The dashboard changes nothing.", rich_help_panel=DASHBOARD),
]
Once = Annotated[
    bool,
    typer.Option(
        "--once",
        help="Print one frame as text instead, as into a pipe.",
        rich_help_panel=DASHBOARD,
    ),
]
Version = Annotated[bool, typer.Option("--version", help="Print the version and exit.")]
