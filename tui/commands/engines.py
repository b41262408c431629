"""`myna engines`: which engines there are, under which licence, and what each still needs."""

from __future__ import annotations

from typing import Annotated

import typer

from proto import myna_pb2 as pb
from tui import output, session, wording
from tui.doctor import whisper

app = typer.Typer()

engines = typer.Typer(invoke_without_command=True)
app.add_typer(engines, name="engines", rich_help_panel="Voices")


@engines.callback()
def listing(ctx: typer.Context, json: output.Json = False) -> None:
    """Engines: languages, licence, and what each still needs."""
    if ctx.invoked_subcommand is not None:
        return
    found = session.client().info().engines
    if json:
        output.json(list(found))
        return
    rows = ((e.name, "ready" if e.ready else "not ready", " ".join(e.languages), e.licence + consent(e), e.title) for e in found)
    output.table(("engine", "state", "languages", "licence", ""), rows)
    for engine in found:
        if engine.sentence and not engine.ready:
            output.line(f"{engine.name}: {output.safe(engine.sentence)}")
    if not session.where().host:
        heard = whisper(session.where().home)
        output.line(output.safe(f"hearing: {heard.sentence} {heard.hint}".rstrip()))


@engines.command()
def accept(name: Annotated[str, typer.Argument(help="The engine.")], json: output.Json = False) -> None:
    """Accept the licence of an engine's weights. It is recorded, and shown with every version trained from them."""
    state = session.client().accept(name)
    if json:
        output.json(state)
        return
    output.line(f"{state.licence} is accepted for {state.name}. {state.licence_url}")
    if state.sentence:
        output.line(output.safe(state.sentence))


def consent(engine: pb.EngineState) -> str:
    """Whether the licence was accepted, where it needs to be."""
    if not engine.needs_consent:
        return ""
    return f" (accepted {wording.moment(engine.accepted_at)})" if engine.accepted else f" (not accepted: myna engines accept {engine.name})"
