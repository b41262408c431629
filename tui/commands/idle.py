"""`myna idle`: what keeps the machine up, and what is done when nothing does."""

from __future__ import annotations

import typer

from proto import myna_pb2 as pb
from tui import output, session, wording

app = typer.Typer()

DO = {"shutdown": "the machine shuts down", "suspend": "the machine goes to sleep", "command": "your command runs"}


@app.command(rich_help_panel="Set-up")
def idle(json: output.Json = False) -> None:
    """Show what keeps the machine up, and what the table when_idle of myna.toml does when nothing is left to do."""
    found = session.client().idle()
    if json:
        output.json(found)
        return
    if found.do not in DO:
        output.line("Nothing is done when nothing is left to do ([when_idle] in myna.toml).")
    for one in found.keeps:
        output.line(words(one, found))
    if not found.keeps:
        output.line("Nothing is left to do, and nobody is there.")
    dry = " (a dry run: it is only said)" if found.dry_run else ""
    if found.HasField("due_seconds"):
        output.line(f"If that stays so, {DO[found.do]} in {wording.duration(found.due_seconds)}{dry}.")
        if found.notices:
            waits = wording.duration(found.notices_seconds)
            output.line(f"{wording.count(found.notices, 'notice')} not sent yet; it waits for that, at most {waits}.")
    elif found.do in DO and not found.keeps:
        again = "it is done again only once something happened in between"
        output.line(f"What [when_idle] asks for was done{dry}; {again}.")
    elif found.do in DO:
        output.line(f"Once that has ended, {DO[found.do]} after a while{dry}.")


def words(one: pb.KeepsUp.ValueType, found: pb.IdleResponse) -> str:
    """For people."""
    return {
        pb.KEEPS_JOBS: f"{wording.count(found.jobs, 'job')} to do.",
        pb.KEEPS_INBOX: f"{wording.count(found.files, 'file')} in the inbox, not taken yet.",
        pb.KEEPS_UPLOADS: "Something is being sent or fetched, backed up or checked.",
        pb.KEEPS_WATCHED: f"{wording.count(found.watchers, 'watcher')}: dashboards, or scripts.",
        pb.KEEPS_USERS: f"Logged in: {', '.join(map(output.safe, found.users))}.",
        pb.KEEPS_RECENT: "Somebody asked mynad for something just now.",
    }.get(one, "")
