"""`myna push`: a version to a place elsewhere. `myna pull`: from there."""

from __future__ import annotations

from typing import Annotated

import typer

from proto import myna_pb2 as pb
from tui import arguments, follow, names, output, session
from tui.commands import jobs

app = typer.Typer()

PANEL = "Packages"
URL = "s3://BUCKET/…, r2://…, hf://USER/REPO, file:///… or ssh://USER@HOST/…"


@app.command(rich_help_panel=PANEL)
def push(
    name: Annotated[
        str,
        typer.Argument(
            metavar="VOICE[@VERSION]", help="Default: the promoted version.", autocompletion=arguments.version_names
        ),
    ],
    url: Annotated[str, typer.Argument(metavar="URL", help=f"{URL}; never with a password.")],
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it is there, and was read back.")] = False,
    json: output.Json = False,
) -> None:
    """Send a version to a place elsewhere: its package, a model card and a manifest. mynad sends it, with its own
    credentials (docs/push.md); it goes on where it broke off."""
    named = names.parse(name)
    client = session.client()
    job = client.submit(pb.PushSpec(voice=named.voice, version=max(named.number, 0), url=url))
    if wait:
        told(follow.job(client, job.id), json)
        return
    jobs.show(job, json)
    if not json:
        output.line(f"Follow it: myna logs {job.id} -f")


@app.command(rich_help_panel=PANEL)
def pull(
    url: Annotated[str, typer.Argument(metavar="URL", help="The folder that `myna push` told of.")],
    voice: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="NAME",
            help="The voice that gets it; a new name makes a new voice. Default: the one that it was pushed from.",
            autocompletion=arguments.voice_names,
        ),
    ] = "",
    json: output.Json = False,
) -> None:
    """Fetch a version that was pushed, check it and take it in: a candidate, which `myna promote` lets speak."""
    client = session.client()
    told(follow.job(client, client.submit(pb.PullSpec(url=url, voice=voice)).id), json)


def told(ended: list[pb.Job], json: bool) -> None:
    """What came of jobs. Raises ClientError where one failed."""
    follow.check(ended)
    if json:
        output.json(ended[-1])
        return
    for job in ended:
        output.line(output.safe(job.status.succeeded.sentence))
