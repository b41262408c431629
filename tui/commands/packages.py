"""`myna export`: a version as a package or in the format of its engine's own tools, or a dataset as a package or for
other trainers. `myna import`: a package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from proto import myna_pb2 as pb
from proto.client import ClientError
from proto.messages import package_parts
from tui import arguments, names, output, session, wording
from tui.progress import counting

app = typer.Typer()

PANEL = "Packages"
#: A package for another Myna: of a version, if one is named, else of a dataset.
PACKAGE = "myna"
#: Formats that only a dataset is exported in; any other but PACKAGE is one of a version's.
OF_DATASETS = ("ljspeech", "fish", "huggingface")


@app.command(rich_help_panel=PANEL)
def export(
    name: Annotated[
        str,
        typer.Argument(
            metavar="VOICE[@VERSION]", help="Default: the promoted version.", autocompletion=arguments.version_names
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write: a tar file, or NAME.myna.tar.zst.")],
    format: Annotated[
        str,
        typer.Option(
            metavar="FORMAT",
            help="myna: a package for another Myna, of the version if one is named, else of a dataset. "
            "Of a version: coqui, or for xtts coqui-fp16 (half the size). Of a dataset: ljspeech, fish, huggingface.",
        ),
    ] = "",
    dataset: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER",
            min=0,
            help="Not a version, but this dataset of the voice; 0: the newest, as it is "
            "without a number where the format is one of datasets.",
        ),
    ] = None,
    features: Annotated[
        bool, typer.Option("--features", help="With a package or fish: what the engine made of the clips, too.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the daemon's own copy in exports/, too.")] = False,
    json: output.Json = False,
) -> None:
    """Write a version or a dataset: for another Myna, for other tools (stock coqui-tts), or for other trainers."""
    named = names.parse(name)
    of_dataset = dataset is not None or features or format in OF_DATASETS or (format == PACKAGE and not named.number)
    if of_dataset and named.number:
        raise typer.BadParameter(f"{name} is a version; a dataset is one of a voice", param_hint="--dataset")
    client = session.client()
    if of_dataset:
        parts = client.export_dataset(named.voice, dataset or 0, format, features=features, keep=keep)
    else:
        parts = client.export_voice(named.voice, max(named.number, 0), format, keep=keep)
    size = _write(parts, out)
    if json:
        output.json({"file": str(out), "size": size})
    else:
        output.line(f"{out} ({wording.size(size)})")


def _write(parts: Iterator[pb.FilePart], out: Path) -> int:
    """Write the parts of a file, whole or not at all. Returns its size in bytes."""
    hidden = out.with_name(f".{out.name}.part")
    size = 0
    try:
        first = next(parts, None)  # a refusal comes here, before there is any file
        with hidden.open("wb") as file, counting("receiving", first.size if first else 0) as advance:
            for part in [first] if first else []:
                size += file.write(part.data)
            for part in parts:
                size += file.write(part.data)
                advance(len(part.data))
        hidden.replace(out)
    except OSError as error:
        raise ClientError(f"{out} cannot be written: {error.strerror}.", "Name another file with -o.") from None
    finally:
        hidden.unlink(missing_ok=True)
    return size


@app.command("import", rich_help_panel=PANEL)
def import_(
    file: Annotated[Path, typer.Argument(help="A package: NAME.myna.tar.zst.", exists=True, dir_okay=False)],
    voice: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="The voice that gets it; a new name makes a new voice. Default: the one that it was exported from.",
            autocompletion=arguments.voice_names,
        ),
    ] = "",
    json: output.Json = False,
) -> None:
    """Take a dataset or a version from a package that `myna export` wrote. What is held out there is held out here, for
    ever; a version comes as a candidate, and `myna promote` lets it speak."""
    made = session.client().import_dataset(_sent(file, voice))
    if json:
        output.json(made)
    else:
        output.line(output.safe(f"{made.voice}: {made.sentence}"))


def _sent(file: Path, voice: str) -> Iterator[pb.FilePart]:
    with counting("sending", file.stat().st_size) as advance:
        for part in package_parts(file, voice):
            yield part
            advance(len(part.data))
