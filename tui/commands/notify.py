"""`myna notify` (alone, and `test`): where people are told of what happens here, and whether that works."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from proto import myna_pb2 as pb
from proto.client import ClientError
from tui import output, session, wording

app = typer.Typer()
group = typer.Typer(help="Where you are told of what happens here.")
app.add_typer(group, name="notify", rich_help_panel="Set-up")

#: how each kind is called in myna.toml
KINDS = {
    pb.OCCASION_PROMOTED: "promoted",
    pb.OCCASION_REJECTED: "rejected",
    pb.OCCASION_UNDECIDED: "undecided",
    pb.OCCASION_FAILED: "failed",
    pb.OCCASION_REFUSED: "refused",
    pb.OCCASION_DISK: "disk",
    pb.OCCASION_BUDGET: "budget",
    pb.OCCASION_LONG_RUN: "long-run",
    pb.OCCASION_SHUTDOWN: "shutdown",
}


@group.callback(invoke_without_command=True)
def notify(context: typer.Context, json: output.Json = False) -> None:
    """List where you are told of what happens here, and how that goes. Nothing secret is shown.

    Tables [[notify]] in myna.toml say where: docs/notices.md.
    """
    if context.invoked_subcommand is not None:
        return
    found = session.client().notifiers()
    if json:
        output.json(found)
        return
    rows = ((one.name, one.service, one.shown_url, _events(one.events), _when(one), _stands(one)) for one in found)
    empty = "Nobody is told. Write [[notify]] into myna.toml: docs/notices.md."
    output.table(("name", "service", "URL", "tells of", "when", ""), rows, empty)


@group.command("test")
def send_test(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Only this one; else all.")] = "",
    json: output.Json = False,
) -> None:
    """Send a test message now, and say what the service answered. Exits 1 where one was not taken."""
    found = session.client().test_notifier(name)
    if json:
        output.json(found)
    else:
        rows = ((one.name, one.service, "taken" if one.taken else "not taken", one.answer) for one in found)
        output.table(("name", "service", "", "answer"), rows, "Nobody is told. Write [[notify]] into myna.toml.")
    if failed := [one.name for one in found if not one.taken]:
        raise ClientError(
            f"{wording.count(len(failed), 'test message')} {'was' if len(failed) == 1 else 'were'} not taken.",
            "docs/notices.md has what the answers mean.",
            "UNAVAILABLE",
        )


def _events(kinds: Iterable[pb.OccasionKind.ValueType]) -> str:
    return ", ".join(KINDS.get(kind, "?") for kind in kinds)


def _when(one: pb.Notifier) -> str:
    digest = f"every {wording.duration(one.digest_seconds)}" if one.digest_seconds else "at once"
    return f"{digest}, not {one.quiet} h" if one.quiet else digest


def _stands(one: pb.Notifier) -> str:
    if one.trouble:
        return one.trouble
    waiting = f"{wording.count(one.waiting, 'notice')} waiting" if one.waiting else ""
    if one.HasField("failing_since"):
        since = f"not taken since {wording.moment(one.failing_since)}: {one.answer}"
        return ", ".join(filter(None, (since, waiting)))
    sent = f"last taken {wording.moment(one.last_sent)}" if one.HasField("last_sent") else "nothing sent yet"
    return ", ".join(filter(None, (sent, waiting)))
