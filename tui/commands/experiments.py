"""`myna experiment` (`show`, `apply`, `cancel`) and `myna experiments`: which settings a voice is best trained with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from proto import length, money
from proto import myna_pb2 as pb
from proto.client import Client, ClientError
from tui import arguments, output, session, wording
from tui.commands import train

app = typer.Typer()

PANEL = "Jobs"
#: Seconds of the units that a budget may have.


class StartsByDefault(TyperGroup):
    """`myna experiment anna …` is `myna experiment start anna …`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["start", *args]
        return super().parse_args(ctx, args)


group = typer.Typer(
    cls=StartsByDefault, no_args_is_help=True, help="Find the settings that a voice is best trained with."
)
app.add_typer(group, name="experiment", rich_help_panel=PANEL)

Number = Annotated[int, typer.Argument(metavar="[N]", min=0, help="Of the voice's experiments; default: the newest.")]


@group.command()
def start(
    voice: arguments.Voice,
    space: Annotated[
        list[str],
        typer.Option(
            "--set",
            metavar="NAME=VALUES",
            help="A training setting and what is tried of it: lora_rank=8,16,32 or learning_rate=1e-5..1e-4.",
        ),
    ],
    trials: Annotated[int, typer.Option(metavar="NUMBER", min=0, help="Trainings, at most. Default: 12.")] = 0,
    budget: Annotated[
        str,
        typer.Option(
            metavar="TIME|MONEY",
            help="For all trials: a time, such as 2h or 90m, or a sum of money, such as 3€, where myna.toml says what "
            "an hour costs. Default: no limit.",
        ),
    ] = "",
    start: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="VERSION",
            help="What each trial is trained from. Default: the base.",
            autocompletion=arguments.starts,
        ),
    ] = "",
    dataset: arguments.Dataset = 0,
    seed: Annotated[int, typer.Option(metavar="NUMBER", min=0, help="Of the choice of settings.")] = 0,
    stop_early: Annotated[
        bool,
        typer.Option("--stop-early", help="A third of the steps first; only the best third of the trials goes on."),
    ] = False,
    estimate: Annotated[bool, typer.Option("--estimate", help="Only say what it would cost.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it has ended.")] = False,
    json: output.Json = False,
) -> None:
    """Try settings: each trial is a training of its own and its scoring. Nothing is promoted.

    `myna experiment VOICE …` without `start` is the same.
    """
    client = session.client()
    after = client.info().cursor
    asked: dict[str, Any] = {
        "trials": trials, **limits(budget), "start": start, "dataset": dataset, "seed": seed, "stop_early": stop_early,
    }  # fmt: skip
    begun = client.start_experiment(voice, train.pairs(space), **asked, dry_run=estimate)
    if not json:
        show_cost(begun)
    if wait and not estimate:
        follow(client, begun, after)
        begun = client.experiment(voice, begun.number)
        output.json(begun) if json else show_experiment(begun)
    elif json:
        output.json(begun)
    elif not estimate:
        output.line(
            f"Experiment {begun.number} of {voice} has begun. See it: myna experiment show {voice} {begun.number}"
        )


@group.command()
def show(
    voice: arguments.Voice,
    number: Number = 0,
    png: Annotated[
        Path | None, typer.Option("--png", metavar="FILE", help="Draw score against cost into this file.")
    ] = None,
    json: output.Json = False,
) -> None:
    """Show an experiment: each trial, and what is recommended."""
    found = session.client().experiment(voice, number)
    if png is not None:
        from tui.drawing import front  # matplotlib takes a while to load

        png.write_bytes(front.png(found))
    if json:
        output.json(found)
        return
    show_experiment(found)
    if png is not None:
        output.line(output.safe(f"Drawn into {png}."))


@group.command()
def apply(voice: arguments.Voice, number: Number = 0, json: output.Json = False) -> None:
    """Write the recommended settings into the voice's voice.toml, for all trainings from now on."""
    done = session.client().apply_experiment(voice, number)
    if json:
        output.json(done)
        return
    said = ", ".join(f"{name} = {value}" for name, value in done.settings.items())
    output.line(output.safe(f"{done.path} has the settings of trial {done.trial} now: {said}."))


@group.command()
def cancel(voice: arguments.Voice, number: Number = 0, json: output.Json = False) -> None:
    """End an experiment, with the trial at work. What was found stays."""
    ended = session.client().cancel_experiment(voice, number)
    if json:
        output.json(ended)
    else:
        output.line(f"Experiment {ended.number} of {voice} is cancelled.")


@app.command(rich_help_panel=PANEL)
def experiments(
    voice: Annotated[
        str, typer.Argument(metavar="[VOICE]", help="Only this voice's.", autocompletion=arguments.voice_names)
    ] = "",
    json: output.Json = False,
) -> None:
    """List experiments, the newest first."""
    found = list(session.client().experiments(voice))
    if json:
        output.json(found)
        return
    rows = (
        (
            one.voice,
            one.number,
            wording.experiment_state(one.state),
            ", ".join(f"{setting.name}={setting.values}" for setting in one.space),
            wording.took_and_cost(one),
            wording.moment(one.created),
            one.sentence,
        )
        for one in found
    )
    head = ("voice", "n", "state", "settings", "took", "begun", "result")
    output.table(head, rows, "No experiments yet. `myna experiment VOICE --set learning_rate=1e-5..1e-4` begins one.")


def limits(budget: str) -> dict[str, Any]:
    """A budget as people write it, a time or a sum of money, as choices of `Client.start_experiment`. Raises
    BadParameter."""
    given = money.read(budget)
    return {"budget": seconds(budget)} if given is None else {"budget_money": given}


def seconds(budget: str) -> float:
    """A length of time as people write it ("2h", "90m", "1.5 h"); nothing is no budget. Raises BadParameter."""
    if not budget.strip():
        return 0.0
    value = length.read(budget)
    if not value:
        raise typer.BadParameter(
            f"{budget!r} is neither a time such as 2h, 90m or 45s nor a sum of money such as 3€ or 1250.50 EUR",
            param_hint="--budget",
        )
    return value


def show_cost(priced: pb.Experiment) -> None:
    """What an experiment takes at most, for people."""
    cost = priced.cost
    trial = cost.training_seconds + cost.scoring_seconds
    told = [
        f"{wording.count(cost.trials, 'trial')} of at most about {wording.duration(trial)} each: "
        f"about {wording.duration(cost.seconds)} in all"
    ]
    if cost.HasField("money"):
        told.append(money.said(cost.money))
    if budget := wording.budget(priced):
        told.append(f"within a budget of {budget}")
    output.line(f"{', '.join(told)}.")
    for sentence in cost.sentences:
        output.line(output.safe(sentence))


def show_experiment(found: pb.Experiment) -> None:
    """An experiment for people."""
    against = f"{found.voice}@{found.rival}" if found.rival else "the base"
    output.fields(
        (
            ("experiment", f"{found.number} of {found.voice}"),
            ("state", wording.experiment_state(found.state)),
            ("settings", ", ".join(f"{one.name}={one.values}" for one in found.space)),
            ("scored against", against),
            ("took", wording.took_and_cost(found)),
            ("budget", wording.budget(found)),
        )
    )
    output.line()
    names = [one.name for one in found.space]
    head = ("trial", "", *names, "state", "score", "surely", "clips heard", "took", "version", "")
    output.table(head, (_row(found, one, names) for one in found.trials), "No trial has begun yet.")
    if found.sentence:
        output.line()
        output.line(output.safe(found.sentence))
    if any(one.on_front for one in found.trials):
        output.line("* No other trial has a better score without having heard more clips.")


def _row(found: pb.Experiment, one: pb.Trial, names: list[str]) -> tuple[object, ...]:
    scored = one.HasField("score")
    mark = ("*" if one.on_front else "") + (" recommended" if one.number == found.recommended else "")
    return (
        one.number,
        mark.strip(),
        *(one.settings[name] for name in names),
        wording.trial_state(one.state),
        f"{one.score:+.2f}" if scored else "",
        f"{one.low:+.2f} to {one.high:+.2f}" if one.HasField("low") and one.HasField("high") else "",
        f"{one.clips:,}" if one.clips else "",
        wording.took_and_cost(one) if one.seconds else "",
        f"@{one.version}" if one.version else "",
        wording.trial_note(one),
    )


def follow(client: Client, begun: pb.Experiment, after: int) -> None:
    """Wait until it has ended. Raises ClientError if it failed or was cancelled."""
    for event in client.watch(after, voice=begun.voice):
        told = event.experiment
        if not event.HasField("experiment") or told.id != begun.id or told.state == pb.EXPERIMENT_RUNNING:
            continue
        if told.state in (pb.EXPERIMENT_FAILED, pb.EXPERIMENT_CANCELLED):
            raise ClientError(
                f"Experiment {told.number} of {told.voice} {wording.experiment_state(told.state)}. {told.why}".strip(),
                f"`myna experiment show {told.voice} {told.number}` shows what it found.",
                "ABORTED",
            )
        return
