"""`myna train`: train a voice now, or ask what that would cost."""

from __future__ import annotations

from typing import Annotated

import typer

from proto import myna_pb2 as pb
from tui import arguments, follow, names, output, session, wording
from tui.commands import jobs

app = typer.Typer()

SETTINGS = "Settings (default: the voice's own, else the engine's)"


@app.command(rich_help_panel="Jobs")
def train(
    voice: arguments.Voice,
    estimate: Annotated[bool, typer.Option("--estimate", help="Only say what it would cost.")] = False,
    start: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="VERSION",
            help="A version number, or base. Default: the promoted version, else the base.",
            autocompletion=arguments.starts,
        ),
    ] = "",
    dataset: Annotated[
        int,
        typer.Option(metavar="NUMBER", help="Dataset; 0: the newest.", autocompletion=arguments.dataset_numbers),
    ] = 0,
    steps: Annotated[int | None, typer.Option(metavar="NUMBER", rich_help_panel=SETTINGS)] = None,
    learning_rate: Annotated[float | None, typer.Option(metavar="NUMBER", rich_help_panel=SETTINGS)] = None,
    batch_size: Annotated[int | None, typer.Option(metavar="NUMBER", help="Clips.", rich_help_panel=SETTINGS)] = None,
    lora_rank: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="0: all parameters.", rich_help_panel=SETTINGS)
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="NUMBER", rich_help_panel=SETTINGS)] = None,
    precision: Annotated[
        str | None, typer.Option(metavar="fp32|bf16", help="fp32 or bf16.", rich_help_panel=SETTINGS)
    ] = None,
    checkpoint_every: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Steps.", rich_help_panel=SETTINGS)
    ] = None,
    eval_every: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Steps between held-out losses.", rich_help_panel=SETTINGS)
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER", help="Stop after so many held-out losses that are not better.", rich_help_panel=SETTINGS
        ),
    ] = None,
    engine: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any training setting.", rich_help_panel=SETTINGS),
    ] = None,
    key: Annotated[str, typer.Option(metavar="KEY", help="Idempotency key: the same key twice is one job.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it is trained and scored.")] = False,
    json: output.Json = False,
) -> None:
    """Train a voice now. (Recordings that you add train by themselves.)"""
    for setting in engine or ():
        if "=" not in setting:
            raise typer.BadParameter(f"{setting!r} is not NAME=VALUE", param_hint="--set")
    choices = {
        "steps": steps,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "lora_rank": lora_rank,
        "seed": seed,
        "precision": precision,
        "checkpoint_every": checkpoint_every,
        "eval_every": eval_every,
        "patience": patience,
        "engine": dict(setting.split("=", 1) for setting in engine) if engine else None,
    }
    named = names.parse(voice)
    start = start.removeprefix("v") or {names.BASE: "base", 0: ""}.get(named.number, str(named.number))
    client = session.client()
    if estimate:
        cost = client.estimate(named.voice, dataset=dataset, start=start, **choices)
        output.json(cost) if json else show_cost(cost)
        return
    job = client.train(named.voice, dataset=dataset, start=start, key=key, **choices)
    if not wait:
        jobs.show(job, json)
        if not json:
            output.line(f"Follow it: myna logs {job.id} -f")
        return
    ended = follow.job(client, job.id)
    if json:
        output.json(ended)
    follow.check(ended)
    if not json:
        output.line(output.safe(follow.outcome(client, named.voice, ended)))


def show_cost(cost: pb.EstimateResponse) -> None:
    """What a training would cost, for people."""
    output.fields(
        (
            ("steps", f"{cost.steps:,}"),
            ("time", f"about {wording.duration(cost.seconds)}" if cost.seconds else "not known yet"),
            ("memory", wording.size(cost.gpu_memory) if cost.gpu_memory else ""),
            ("disk", wording.size(cost.disk) if cost.disk else ""),
        )
    )
    for sentence in cost.sentences:
        output.line(output.safe(sentence))
