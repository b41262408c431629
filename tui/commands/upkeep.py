"""`myna backup` and `myna check`: that nothing is lost. `myna restore` is in `recordings`, whose name it shares."""

from __future__ import annotations

from typing import Annotated

import typer

from proto import lock
from proto import myna_pb2 as pb
from proto.channel import ClientError
from tui import output, session, upkeep, wording

app = typer.Typer()

Rate = Annotated[
    float,
    typer.Option(
        "--rate", metavar="MB", min=0.0,
        help="Read at most so many MB a second; not given: `upkeep_rate` of myna.toml, while a job is at work.",
    ),
]  # fmt: skip


@app.command(rich_help_panel="Set-up")
def backup(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Where backups lie, best on another disk.")],
    show: Annotated[bool, typer.Option("--list", help="Only list the snapshots that are there.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Only read the backups back, and check them.")] = False,
    keep: Annotated[int, typer.Option(metavar="N", min=0, help="Keep the N newest snapshots, then (0: all).")] = 0,
    bases: Annotated[bool, typer.Option("--bases", help="Engines' bases, too.")] = False,
    exports: Annotated[bool, typer.Option("--exports", help="Packages in exports/, too.")] = False,
    secrets: Annotated[bool, typer.Option("--secrets", help="Keys and tokens of myna.toml in the home, too.")] = False,
    rate: Rate = 0.0,
    json: output.Json = False,
) -> None:
    """Back up recordings, datasets, voices and the database, while Myna works. What is in the folder already is not
    copied again.

    The first time the folder must be empty, or not there. Each backup is a snapshot of its own; what two of them have
    in common is there once.
    """
    if show and verify:
        raise typer.BadParameter("--list and --verify are two things: ask for one of them")
    if (show or verify) and (keep or bases or exports or secrets):
        only = "--list" if show else "--verify"
        raise typer.BadParameter(f"--keep, --bases, --exports and --secrets are of a backup: {only} takes none")
    where = session.where()
    place = upkeep.folder(folder, where)
    if show:
        found = _snapshots(place)
        output.json(found) if json else upkeep.snapshot_rows(found)
        return
    bound = rate * 1e6
    if verify:
        told = upkeep.run(upkeep.asked("verify", {"folder": place, "rate": bound}, where), "reading", show=not json)
        if not json:
            output.line(f"{wording.count(told.done.files, 'file')} read back, {wording.size(told.done.read)}.")
    else:
        request = {
            "folder": place, "keep": keep, "rate": bound, "bases": bases, "exports": exports, "secrets": secrets,
        }  # fmt: skip
        told = upkeep.run(upkeep.asked("backup", request, where), "backing up", show=not json)
        if not json:
            _taken(told)
    upkeep.end(told, json)


def _snapshots(place: str) -> list[pb.Snapshot]:
    where = session.where()
    if upkeep.by_daemon(where):
        return list(session.client().snapshots(place))
    steps = upkeep.program("snapshots", {"folder": place}, where.home)
    return upkeep.run(steps, "listing", show=False).snapshots


def _taken(told: upkeep.Told) -> None:
    for one in told.snapshots:
        files = wording.count(one.files, "file")
        new = f"{wording.size(one.new_bytes)} of it new" if one.new_bytes else "nothing of it new"
        output.line(f"Snapshot {one.id}: {files}, {wording.size(one.size)}, {new}.")
    if told.removed:
        output.line(f"{wording.count(len(told.removed), 'older snapshot')} removed.")
    for line in told.done.lines:
        output.line(output.safe(line))


@app.command(rich_help_panel="Set-up")
def check(
    deep: Annotated[bool, typer.Option("--deep", help="Read every file, and hold it against its hash.")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what is certain. No daemon may run.")] = False,
    source: Annotated[
        str, typer.Option("--from", metavar="FOLDER", help="With --repair: take files of a backup.")
    ] = "",
    rate: Rate = 0.0,
    json: output.Json = False,
) -> None:
    """Check that every row of the database has its file, and every file its row. Exits 1 when something is wrong.

    Without --deep only names and sizes are looked at. Nothing is changed without --repair, and nothing of yours is
    deleted with it: what is in the way is moved to lost/.
    """
    where = session.where()
    if source and not repair:
        raise typer.BadParameter("--from goes with --repair")
    if repair:
        upkeep.here(where, "A home is repaired on its own machine.")
        if lock.is_held(where.home):
            hint = "End it (`myna down`), repair, and start it again: work goes on where it was."
            raise ClientError(
                "A daemon runs, and may be about to use what would be moved.", hint, "FAILED_PRECONDITION"
            )
        request = {"deep": deep, "from": upkeep.folder(source, where) if source else ""}
        steps = upkeep.program("repair", request, where.home)
    else:
        steps = upkeep.asked("check", {"deep": deep, "rate": rate * 1e6}, where)
    told = upkeep.run(steps, "checking", show=not json)
    if not json:
        _checked(told, deep)
    upkeep.end(told, json)


def _checked(told: upkeep.Told, deep: bool) -> None:
    done = told.done
    looked = f"{wording.count(done.files, 'file')} {'read' if deep else 'looked at'}"
    if not done.findings:
        output.line(f"{looked}: nothing is wrong.")
    else:
        mended = f", {done.mended} of them mended" if done.mended else ""
        output.line(f"{looked}: {wording.count(done.findings, 'finding')}{mended}.")
    if done.unknown:
        versions = wording.count(done.unknown, "version")
        output.line(
            f"{versions} of an older Myna: it wrote no hashes down, and they are known from the first check on."
        )
