"""`myna man`: the man pages."""

from __future__ import annotations

import datetime
import shutil
import subprocess
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from proto.client import ClientError
from tui import man as manual
from tui import output, wording

app = typer.Typer()


@app.command(rich_help_panel="Set-up")
def man(
    command: Annotated[str, typer.Argument(help="Whose page: a command, or mynad. Default: that of myna.")] = "",
    to: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write all pages there instead, such as ~/.local/share/man."),
    ] = None,
) -> None:
    """Show the man page of a command, or write all of them where man(1) finds them.

    They are made from the same text as --help. After `myna man --to ~/.local/share/man`, `man myna-train` shows one.
    """
    from tui import cli

    try:
        installed = version("myna-voice")
    except PackageNotFoundError:
        installed = "from a checkout"
    root = typer.main.get_command(cli.app(["--help"]))
    cli.without_types_of_flags(root)
    pages = manual.pages(root, installed, datetime.date.today())
    if to is not None:
        folder = to.expanduser()
        written = manual.write(pages, folder)
        output.line(f"{wording.count(len(written), 'page')} written to {output.safe(str(folder))}.")
        return
    name = command or "myna"
    page = pages.get("mynad.8" if name == "mynad" else "myna.1" if name == "myna" else f"myna-{name}.1")
    if page is None:
        raise ClientError(f"There is no command {name!r}.", "`myna --help` lists the commands.", "INVALID_ARGUMENT")
    if shutil.which("man") is None:
        raise ClientError(
            "There is no man(1) on this machine.",
            "Install man-db, or use `myna COMMAND --help`.",
            "FAILED_PRECONDITION",
        )
    with tempfile.TemporaryDirectory() as folder_name:
        file = Path(folder_name, "page")
        file.write_text(page, encoding="utf-8")
        raise typer.Exit(subprocess.run(["man", "--local-file", str(file)], check=False).returncode)
