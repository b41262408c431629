"""Backups and checks, as a person asks for them: of the daemon that runs, or of the same program where none does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer
from google.protobuf import json_format

import proto
from proto import lock
from proto import myna_pb2 as pb
from proto.channel import Address, ClientError
from tui import as_json, output, progress, session, wording


@dataclass
class Told:
    """What came of it."""

    findings: list[pb.UpkeepFinding] = field(default_factory=list)
    snapshots: list[pb.Snapshot] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    done: pb.UpkeepSummary = field(default_factory=pb.UpkeepSummary)

    @property
    def good(self) -> bool:
        return self.done.good


def by_daemon(where: Address) -> bool:
    """Whether a daemon is asked: one elsewhere, or the one that runs here."""
    return bool(where.remote or where.through) or lock.is_held(where.home)


def folder(path: str, where: Address) -> str:
    """A folder on the daemon's machine. Raises ClientError for one elsewhere that depends on where we are."""
    if os.path.isabs(path):
        return os.path.normpath(path)
    if where.remote or where.through:
        raise ClientError(f"{path!r} is not a whole path.", "Name the folder on that machine.", "INVALID_ARGUMENT")
    return str(Path(path).expanduser().absolute())


def run(steps: Iterator[pb.UpkeepStep], what: str, *, show: bool) -> Told:
    """Follow it to its end. `show`: findings are told as they come."""
    told = Told()
    with progress.fetching(what) as move:
        for step in steps:
            match step.WhichOneof("step"):
                case "progress":
                    move(float(step.progress.done), float(step.progress.total))
                case "finding":
                    told.findings.append(step.finding)
                case "taken":
                    told.snapshots.append(step.taken)
                case "removed":
                    told.removed.append(step.removed)
                case "done":
                    told.done = step.done
                case "refused":
                    raise ClientError(step.refused.sentence, step.refused.hint, step.refused.code)
    if show:
        findings(told.findings)
    return told


def findings(found: list[pb.UpkeepFinding]) -> None:
    """One a line, with what to do."""
    for one in found:
        word = "mended" if one.mended else "problem"
        output.line(f"{output.state(word)}  {output.safe(one.sentence)}")
        if one.hint:
            output.line(f"         {output.safe(one.hint)}")


def program(verb: str, request: dict[str, Any], home: Path) -> Iterator[pb.UpkeepStep]:
    """The program's steps, on this machine. Ended with us."""
    root = Path(proto.__file__).resolve().parent.parent
    environment = {
        **os.environ,
        "MYNA_HOME": str(home),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH")))),
    }
    command = [sys.executable, "-m", "daemon.upkeep", verb, json.dumps(request)]
    with _ended(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)) as process:
        assert process.stdout is not None
        ended = False
        for line in process.stdout:
            step = json_format.Parse(line, pb.UpkeepStep())
            ended = ended or step.HasField("done") or step.HasField("refused")
            yield step
        if process.wait() != 0 and not ended:
            raise ClientError(f"The program that does this ended with {process.returncode}.", "", "INTERNAL")


@contextmanager
def _ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def snapshot_rows(snapshots: list[pb.Snapshot]) -> None:
    """As a table."""
    output.table(
        ("snapshot", "files", "size", "home", ""),
        [
            (one.id, "" if one.damaged else f"{one.files:,}", "" if one.damaged else wording.size(one.size),
             one.home[:8], "its list cannot be read" if one.damaged else "")
            for one in snapshots
        ],
        "There is no snapshot yet.",
    )  # fmt: skip


def asked(verb: str, request: dict[str, Any], where: Address) -> Iterator[pb.UpkeepStep]:
    """The steps of a verb that mynad knows, too."""
    if not by_daemon(where):
        return program(verb, request, where.home)
    client = session.client()
    match verb:
        case "backup":
            return client.backup(**request)
        case "verify":
            return client.verify_backup(**request)
        case _:
            return client.check(**request)


def restore(backups: str, to: Path, snapshot: str, *, json: bool) -> None:
    """Make a home of a backup, and say what is next. Raises ClientError, and Exit where files of it are damaged."""
    where = session.where()
    here(where, "Backups are restored on the machine that the home is to be on.")
    request = {"folder": folder(backups, where), "home": folder(str(to), where), "snapshot": snapshot}
    told = run(program("restore", request, where.home), "restoring", show=not json)
    if not json:
        for one in told.snapshots:
            output.line(f"Snapshot {one.id} is restored: {wording.count(one.files, 'file')}, {wording.size(one.size)}.")
        for line in told.done.lines:
            output.line(output.safe(line))
    end(told, json)


def here(where: Address, sentence: str) -> None:
    """Raises ClientError where the daemon meant is on another machine."""
    if where.remote or where.through:
        raise ClientError(sentence, "Log in there.", "UNIMPLEMENTED")


def end(told: Told, json: bool) -> None:
    """What a script is told, and the exit status. Raises Exit."""
    if json:
        output.json(
            {
                "snapshots": [as_json.plain(one) for one in told.snapshots],
                "removed": told.removed,
                "findings": [as_json.plain(one) for one in told.findings],
                "done": as_json.plain(told.done),
            }
        )
    if not told.good:
        raise typer.Exit(1)
