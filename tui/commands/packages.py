"""`myna export`: a version in the format of its engine's own tools. `myna import`: packages come later; until then the
daemon says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from proto import myna_pb2 as pb
from proto.client import ClientError
from tui import arguments, names, output, session, wording

app = typer.Typer()

PANEL = "Packages"
PART = 256 * 1024  #: bytes of a file in one message


@app.command(rich_help_panel=PANEL)
def export(
    name: Annotated[
        str,
        typer.Argument(
            metavar="VOICE[@VERSION]", help="Default: the promoted version.", autocompletion=arguments.version_names
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write: a tar file.")],
    format: Annotated[
        str, typer.Option(metavar="FORMAT", help="coqui, or for xtts coqui-fp16 (half the size). Default: coqui.")
    ] = "",
    keep: Annotated[bool, typer.Option("--keep", help="Leave the daemon's own copy in exports/, too.")] = False,
    json: output.Json = False,
) -> None:
    """Write a version for other tools, for example stock coqui-tts, into one tar file."""
    named = names.parse(name)
    hidden = out.with_name(f".{out.name}.part")
    size = 0
    try:
        parts = session.client().export_voice(named.voice, max(named.number, 0), format, keep=keep)
        first = next(parts, None)  # a refusal comes here, before there is any file
        with hidden.open("wb") as file:
            for part in [first] if first else []:
                size += file.write(part.data)
            for part in parts:
                size += file.write(part.data)
        hidden.replace(out)
    except OSError as error:
        raise ClientError(f"{out} cannot be written: {error.strerror}.", "Name another file with -o.") from None
    finally:
        hidden.unlink(missing_ok=True)
    if json:
        output.json({"file": str(out), "size": size})
    else:
        output.line(f"{out} ({wording.size(size)})")


@app.command("import", rich_help_panel=PANEL)
def import_(
    file: Annotated[Path, typer.Argument(help="A package.", exists=True, dir_okay=False)], json: output.Json = False
) -> None:
    """Take a voice from a package."""
    voice = session.client().import_voice(_parts(file))
    if json:
        output.json(voice)
    else:
        output.line(f"{voice.name} is here: {wording.count(voice.versions, 'version')}.")


def _parts(file: Path) -> Iterator[pb.FilePart]:
    with file.open("rb") as opened:
        yield pb.FilePart(name=file.name, size=file.stat().st_size)
        while data := opened.read(PART):
            yield pb.FilePart(data=data)
