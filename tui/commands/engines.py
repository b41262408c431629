"""`myna engines`: which engines there are, under which licence, what each still needs, and how its base gets here."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from proto import money
from proto import myna_pb2 as pb
from proto.client import Client, ClientError
from tui import follow, output, session, wording
from tui.commands import jobs
from tui.doctor import whisper

app = typer.Typer()

engines = typer.Typer(invoke_without_command=True)
app.add_typer(engines, name="engines", rich_help_panel="Voices")

Name = Annotated[str, typer.Argument(metavar="ENGINE", help="The engine.")]
#: What an engine may be there for, of what it can do.
DOES = ("speaks", "learns", "converts")
NoWait = Annotated[
    bool, typer.Option("--no-wait", help="Do not wait until the base is here: the daemon goes on by itself.")
]


@engines.callback()
def listing(ctx: typer.Context, json: output.Json = False) -> None:
    """List engines: languages, licence, what each still needs, and which are elsewhere, so that texts leave this
    machine."""
    if ctx.invoked_subcommand is not None:
        return
    found = session.client().info().engines
    if json:
        output.json(list(found))
        return
    rows = (
        (
            e.name,
            state(e),
            wording.size(e.present if e.ready else e.size) if e.size else _elsewhere(e),
            ", ".join(what for what in e.capabilities if what in DOES),
            _languages(e),
            e.licence + consent(e),
            e.title,
        )
        for e in found
    )
    output.table(("engine", "state", "base", "does", "languages", "licence", ""), rows)
    for engine in found:
        if engine.sentence and (engine.HasField("remote") or not engine.ready):
            output.line(f"{engine.name}: {output.safe(engine.sentence)}")
    if not session.where().remote:
        heard = whisper(session.where().home)
        output.line(output.safe(f"hearing: {heard.sentence} {heard.hint}".rstrip()))


@engines.command()
def accept(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    no_fetch: Annotated[bool, typer.Option("--no-fetch", help="Only record the consent.")] = False,
    no_wait: NoWait = False,
    json: output.Json = False,
) -> None:
    """Accept the licence of an engine's weights, and fetch them. The consent is shown with every version trained from
    them."""
    client = session.client()
    engine = _engine(client, name)
    if engine.needs_consent and not engine.accepted:
        terms = f"The weights of {name} are under the {engine.licence}, whose terms are at {engine.licence_url}."
        if not json:
            output.line(output.safe(f"{terms} What is trained from them is under it too."))
        if not yes and sys.stdin.isatty() and not typer.confirm("Do you accept it?"):
            raise ClientError(f"The licence of {name} was not accepted.", "Nothing was fetched.", "FAILED_PRECONDITION")
    engine = client.accept(name)
    done = engine.ready or no_fetch or not engine.size or engine.sign_in
    if json and done:
        output.json(engine)
        return
    if not json:
        output.line(output.safe(f"{engine.licence} is accepted for {engine.name}. {engine.licence_url}"))
        output.line(output.safe(engine.sentence))
    if not done:
        _bring(client, name, "", no_wait, json)


@engines.command()
def fetch(name: Name, no_wait: NoWait = False, json: output.Json = False) -> None:
    """Fetch the base of an engine whose licence was accepted; or what hears recordings: whisper-large-v3 (3 GB),
    whisper-medium, whisper-small, whisper-base or whisper-tiny; or what takes music out of them: hdemucs (0.3 GB, for
    research only). What was fetched before is not fetched again."""
    _bring(session.client(), name, "", no_wait, json)


@engines.command()
def add(
    name: Name,
    folder: Annotated[Path, typer.Argument(help="A folder with the files of its base, on the daemon's machine.")],
    no_wait: NoWait = False,
    json: output.Json = False,
) -> None:
    """Take the base of an engine, a Whisper model or hdemucs from a folder: its files are checked, then copied into
    Myna's home. For machines without a network."""
    _bring(
        session.client(), name, str(folder if session.where().host else folder.expanduser().absolute()), no_wait, json
    )


@engines.command()
def settings(name: Name, json: output.Json = False) -> None:
    """List the settings of an engine that `myna say --set NAME=VALUE` can set."""
    found = _engine(session.client(), name)
    if json:
        output.json(list(found.options))
    elif not found.options:
        output.line(f"{name} has no settings of its own: speed, temperature and seed are options of `myna say`.")
    else:
        rows = ((o.name, f"{o.usual:g}", f"{o.least:g} to {o.most:g}", o.what) for o in found.options)
        output.table(("setting", "default", "range", ""), rows)


def _elsewhere(engine: pb.EngineState) -> str:
    """Where an engine is that is not here, and what went to it today."""
    if not engine.HasField("remote"):
        return ""
    spent = f", {money.said(engine.remote.spent_today)} today" if engine.remote.HasField("spent_today") else ""
    return engine.remote.host + spent


def _languages(engine: pb.EngineState) -> str:
    """Those of an engine elsewhere are too many for a table."""
    return wording.count(len(engine.languages), "language") if engine.HasField("remote") else " ".join(engine.languages)


def state(engine: pb.EngineState) -> str:
    """ "ready", or the first thing that is missing."""
    if engine.HasField("remote"):
        key = "key there" if engine.remote.has_key else "no key"
        return f"{'ready' if engine.ready else 'not ready'}, {key}" if engine.remote.enabled else f"off, {key}"
    if engine.ready:
        return "ready"
    return "weights missing" if engine.accepted else "licence not accepted"


def consent(engine: pb.EngineState) -> str:
    """Whether the licence was accepted, where it needs to be."""
    if not engine.needs_consent:
        return ""
    return (
        f" (accepted {wording.moment(engine.accepted_at)})"
        if engine.accepted
        else f" (not accepted: myna engines accept {engine.name})"
    )


def _engine(client: Client, name: str) -> pb.EngineState:
    known = {engine.name: engine for engine in client.info().engines}
    if name not in known:
        raise ClientError(f"There is no engine named {name!r}.", f"There are: {', '.join(known)}.", "NOT_FOUND")
    return known[name]


def _bring(client: Client, name: str, folder: str, no_wait: bool, json: bool) -> None:
    """Have the base brought here, and follow that; one that is on its way already is followed."""
    base = any(engine.name == name for engine in client.info().engines)  # what else there is, the daemon knows
    under_way = [job for job in client.jobs(states=follow.LIVE, kinds=[pb.FETCH]) if job.spec.fetch.engine == name]
    job = under_way[0] if under_way and not folder else client.fetch(name, folder)
    if no_wait:
        jobs.show(job, json)
        if not json:
            output.line(f"Follow it: myna logs {job.id} -f")
        return
    ended = follow.job(client, job.id)
    follow.check(ended)
    if not base:
        jobs.show(ended[0], json)
        return
    engine = _engine(client, name)
    if json:
        output.json(engine)
    else:
        output.line(output.safe(engine.sentence))
