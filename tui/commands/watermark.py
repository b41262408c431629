"""`myna watermark`: whether sound files carry the watermark of synthetic speech."""

from __future__ import annotations

import json as jsonlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

import proto
from proto.client import ClientError
from tui import arguments, output, wording

app = typer.Typer()


@app.command(rich_help_panel="Speech")
def watermark(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="Sound files.", autocompletion=arguments.paths)],
    json: output.Json = False,
) -> None:
    """Say whether sound files carry the watermark that sites can have their speech marked with.

    Listens here and asks no daemon. A file without it may be synthetic all the same: not every site marks its speech.
    """
    found = look(files)
    if json:
        output.json(found)
    else:
        for one in found:
            output.line(output.safe(f"{one['file']}: {sentence(one)}"))
    if any("error" in one for one in found):
        raise typer.Exit(1)


def look(files: list[str]) -> list[dict[str, Any]]:
    """What is found in each file, by a program of its own: it loads a network. Raises ClientError when that fails."""
    root = Path(proto.__file__).resolve().parent.parent
    path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-m", "engines.audio.find_watermark", *(os.path.abspath(name) for name in files)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, check=False)
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    if len(lines) != len(files):
        why = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise ClientError(f"The files could not be listened to. {''.join(why)}", "`myna doctor` says what is missing.")
    return [{**jsonlib.loads(line), "file": name} for name, line in zip(files, lines, strict=True)]


def sentence(found: dict[str, Any]) -> str:
    """What was found in a file, for people."""
    if "error" in found:
        return f"{found['error']} {found['hint']}".strip()
    whole, marked = found["seconds"], found["marked_seconds"]
    if not found["carries"]:
        return f"carries no watermark (confidence {found['confidence']:.2f})."
    part = "" if marked >= whole - 0.01 else f" in {wording.duration(marked)} of {wording.duration(whole)}"
    return f"carries the watermark{part}: it is synthetic speech (confidence {found['confidence']:.2f})."
