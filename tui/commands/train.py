"""`myna train`: train a voice now, or ask what that would cost."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from proto import energy_words, gpu_words
from proto import myna_pb2 as pb
from proto.client import Client
from tui import arguments, follow, names, output, session, wording
from tui.commands import jobs

app = typer.Typer()

SETTINGS = "Settings (default: the voice's own, else the engine's)"


def setting(help: str | None = None, metavar: str = "NUMBER") -> Any:
    """The option of a training setting."""
    return typer.Option(metavar=metavar, help=help, rich_help_panel=SETTINGS)


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
    dataset: arguments.Dataset = 0,
    steps: Annotated[int | None, setting()] = None,
    learning_rate: Annotated[float | None, setting()] = None,
    batch_size: Annotated[int | None, setting("Clips.")] = None,
    lora_rank: Annotated[int | None, setting("0: all parameters.")] = None,
    seed: Annotated[int | None, setting()] = None,
    precision: Annotated[str | None, setting("fp32 or bf16.", metavar="fp32|bf16")] = None,
    checkpoint_every: Annotated[int | None, setting("Steps.")] = None,
    eval_every: Annotated[int | None, setting("Steps between held-out losses.")] = None,
    patience: Annotated[int | None, setting("Stop after so many held-out losses that are not better.")] = None,
    engine: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any training setting.", rich_help_panel=SETTINGS),
    ] = None,
    key: Annotated[str, typer.Option(metavar="KEY", help="Idempotency key: the same key twice is one job.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it is trained and scored.")] = False,
    json: output.Json = False,
) -> None:
    """Train a voice now. (Recordings that you add train by themselves.)"""
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
        "engine": pairs(engine or []) or None,
    }
    named = names.parse(voice)
    start = start.removeprefix("v") or {names.BASE: "base", 0: ""}.get(named.number, str(named.number))
    client = session.client()
    if estimate:
        cost = client.estimate(named.voice, dataset=dataset, start=start, **choices)
        output.json(cost) if json else show_cost(cost)
        return
    job = client.train(named.voice, dataset=dataset, start=start, key=key, **choices)
    if wait:
        wait_for(client, job.id, named.voice, json)
        return
    jobs.show(job, json)
    if not json:
        output.line(f"Follow it: myna logs {job.id} -f")


def pairs(settings: list[str]) -> dict[str, str]:
    """NAME=VALUE pairs. Raises BadParameter for what is none."""
    for one in settings:
        if "=" not in one:
            raise typer.BadParameter(f"{one!r} is not NAME=VALUE", param_hint="--set")
    return dict(one.split("=", 1) for one in settings)


def wait_for(client: Client, job: int, voice: str, json: bool) -> None:
    """Wait until it is trained and scored, and tell how that went. Raises ClientError if it did not go well."""
    ended = follow.job(client, job)
    if json:
        output.json(ended)
    follow.check(ended)
    if not json:
        output.line(output.safe(follow.outcome(client, voice, ended)))


def show_cost(cost: pb.EstimateResponse) -> None:
    """What a training would cost, for people."""
    output.fields(
        (
            ("steps", f"{cost.steps:,}"),
            ("time", duration(cost)),
            *zip(("energy", "money"), energy_words.expected(cost.training), strict=True),
            ("scoring after it", wording.expected_time(cost.scoring)),
            ("cutting before it", wording.expected_time(cost.cutting)),
            ("memory", gpu_words.memory(cost.gpu) or (wording.size(cost.gpu_memory) if cost.gpu_memory else "")),
            ("disk", wording.size(cost.disk) if cost.disk else ""),
        )
    )
    for sentence in cost.sentences:
        output.line(output.safe(sentence))


def duration(cost: pb.EstimateResponse) -> str:
    """How long it would take, with its range where that is known."""
    if cost.HasField("training"):
        return wording.expected_time(cost.training)
    return f"about {wording.duration(cost.seconds)}" if cost.seconds else "not known yet"
