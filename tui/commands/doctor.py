"""`myna doctor`: what is wrong here, and how to mend it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

import proto
from proto.client import ClientError
from tui import doctor as checks
from tui import output, session, wording

app = typer.Typer()


@app.command(rich_help_panel="Set-up")
def doctor(
    gpu: Annotated[
        bool, typer.Option("--gpu", help="Test the GPU itself (up to 3 min, no download), to be pasted.")
    ] = False,
    device: Annotated[str, typer.Option(help="With --gpu: where to run it.", hidden=True)] = "cuda",
    json: output.Json = False,
) -> None:
    """Check this machine: Python, torch, GPU, disk, audio, engines and their weights; says how to fix what is wrong.

    Works with and without a daemon. Exits 1 when there is a problem; notes are not problems. --gpu trains and speaks
    with a tiny model on the GPU, and needs it alone; it exits 2 where there is no GPU or a daemon runs.
    """
    if gpu:
        raise typer.Exit(_test_gpu(device, json))
    findings = checks.examine(session.client())
    problems = sum(finding.state == "problem" for finding in findings)
    if json:
        output.json(findings)
    else:
        output.findings(findings)
        output.line("No problems." if not problems else f"{wording.count(problems, 'problem')}.")
    if problems:
        raise typer.Exit(1)


def _test_gpu(device: str, json: bool) -> int:
    """The self-test, a program of its own (it loads torch) that writes where we would; its exit status."""
    where = session.client().address
    if where.remote:
        sentence = "The self-test runs on the machine that has the GPU."
        raise ClientError(sentence, "Log in there and run `myna doctor --gpu`.", "UNIMPLEMENTED")
    root = Path(proto.__file__).resolve().parent.parent
    environment = {
        **os.environ,
        "MYNA_HOME": str(where.home),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH")))),
    }
    command = [sys.executable, "-m", "daemon.self_test", "--device", device, *(["--json"] if json else [])]
    return subprocess.run(command, env=environment, check=False).returncode
