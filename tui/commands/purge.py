"""`myna purge`: disk that versions and packages take is freed, where a person asks for it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Annotated

import typer

from proto import myna_pb2 as pb
from proto.client import Client, ClientError
from tui import arguments, as_json, names, output, session, wording

app = typer.Typer()

STATES = ("archived", "rejected")


@dataclass
class Wanted:
    """What one request asks for."""

    voice: str = ""  #: empty: of every voice
    versions: list[int] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    exports: bool = False

    def ask(self, client: Client, *, dry_run: bool) -> pb.PurgeResponse:
        return client.purge(self.voice, self.versions, states=self.states, exports=self.exports, dry_run=dry_run)


@app.command(rich_help_panel="Voices")
def purge(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="VOICE[@VERSION]…",
            help="Versions such as anna@3; or voices, with --archived, --rejected or --exports.",
            show_default=False,
            autocompletion=arguments.version_names_in(*STATES),
        ),
    ] = None,
    archived: Annotated[bool, typer.Option("--archived", help="All archived versions of these voices.")] = False,
    rejected: Annotated[bool, typer.Option("--rejected", help="All rejected versions of these voices.")] = False,
    exports: Annotated[
        bool,
        typer.Option("--exports", help="Not versions, but packages in exports/ (no voice named: all packages)."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell how much that would free.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: output.Json = False,
) -> None:
    """Free disk: delete the weights of versions that are archived or rejected, for good.

    What is known of them is kept: scores, verdict, report. They cannot speak or be trained from any more.
    """
    states = [state for state, chosen in zip(STATES, (archived, rejected), strict=True) if chosen]
    client, wanted = session.client(), requests(what or [], states, exports=exports)
    found = [one.ask(client, dry_run=True) for one in wanted]  # whatever is refused is refused before anything goes
    if not dry_run:
        if not json:
            told(found, "", frees="This frees")
        if any(answer.purged for answer in found):
            check(found, yes=yes, exports=exports)
            asked = zip(wanted, found, strict=True)
            found = [one.ask(client, dry_run=False) if seen.purged else seen for one, seen in asked]
    if json:
        output.json(as_json.plain(merged(found)))
    elif dry_run:
        told(found, "Nothing is deleted yet.", frees="This would free")
    elif any(answer.purged for answer in found):
        output.line(f"{freed(found)} are free now.")


def requests(what: list[str], states: list[str], *, exports: bool) -> list[Wanted]:
    """One for each voice. Raises ClientError INVALID_ARGUMENT for what cannot be meant, BadParameter for options that
    contradict each other."""
    if states and exports:
        raise typer.BadParameter("--exports is about packages, which are neither archived nor rejected")
    if not what and not exports:
        raise typer.BadParameter("name versions, such as anna@3, or a voice with --archived or --rejected")
    found: dict[str, Wanted] = {} if what else {"": Wanted(exports=True)}
    for text in what:
        named = names.parse(text, needs_number=not (states or exports))
        if named.number == names.BASE:
            hint = f"`myna versions {named.voice}` lists what can be."
            raise ClientError("The base is the engine's own and cannot be purged.", hint, "INVALID_ARGUMENT")
        if named.number and states:
            raise typer.BadParameter(f"{named} names a version; --archived and --rejected go with a voice")
        wanted = found.setdefault(named.voice, Wanted(named.voice, [], states, exports))
        wanted.versions += [named.number] if named.number else []
    return list(found.values())


def check(found: list[pb.PurgeResponse], *, yes: bool, exports: bool) -> None:
    """Raises ClientError unless the person wants it."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise ClientError(
            "Nothing was purged: nobody can be asked here.",
            f"Add --yes to free {freed(found)} without a question.",
            "FAILED_PRECONDITION",
        )
    what = wording.count(sum(len(one.purged) for one in found), "package" if exports else "version")
    consequence = "" if exports else " The weights are deleted for good; scores and reports are kept."
    if not typer.confirm(f"Purge {what} and free {freed(found)}?{consequence}", err=True):
        raise ClientError("Nothing was purged.", "", "FAILED_PRECONDITION")


def told(found: list[pb.PurgeResponse], more: str, *, frees: str) -> None:
    """What goes and what is left, with the bytes."""
    rows = [(one.name, wording.size(one.size), "") for answer in found for one in answer.purged]
    rows += [(one.name, "", f"is left: {one.sentence}") for answer in found for one in answer.left]
    output.table(("to purge", "size", ""), rows)
    if any(answer.purged for answer in found):
        output.line(f"{frees} {freed(found)}. {more}".rstrip())
    else:
        output.line("There is nothing to purge.")


def freed(found: list[pb.PurgeResponse]) -> str:
    """Bytes of all, in words."""
    return wording.size(sum(answer.freed for answer in found))


def merged(found: list[pb.PurgeResponse]) -> pb.PurgeResponse:
    """The answers as one."""
    whole = pb.PurgeResponse()
    for answer in found:
        whole.purged.extend(answer.purged)
        whole.left.extend(answer.left)
        whole.freed += answer.freed
    return whole
