"""`myna cost` and `myna budget`: what work took in time, energy and money, and what a voice may cost a month."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

import typer

from proto import energy_words, money
from proto import myna_pb2 as pb
from proto.channel import ClientError
from tui import arguments, output, session, wording

app = typer.Typer()

PANEL = "Jobs"
#: why the CPU's energy is not known, and what to do
CPU = {
    pb.CPU_METER_NONE: "This machine has no counters of what its CPUs take: their energy is not known.",
    pb.CPU_METER_FORBIDDEN: "Only root may read what the CPUs take: their energy is not known. docs/costs.md says how "
    "mynad may.",
}
HEAD = ("time", "energy", "money")
NOTHING = "Nothing was measured yet."
#: what may follow a sum
MONTH = re.compile(r"\s*(/|\bper\b|\ba\b)\s*(month|mo)$")


@app.command(rich_help_panel=PANEL)
def cost(
    voice: Annotated[
        str,
        typer.Argument(metavar="[VOICE]", help="Its jobs, runs and versions.", autocompletion=arguments.voice_names),
    ] = "",
    month: Annotated[str, typer.Option(metavar="YYYY-MM", help="Only this month's, such as 2026-11.")] = "",
    json: output.Json = False,
) -> None:
    """Show what work took: time, energy and money, by voice and month; of a voice also by job, run, step and version.

    What is not known is said to be so. Months are by the clock of the daemon's machine.
    """
    found = session.client().costs(voice, month)
    if json:
        output.json(found)
        return
    if voice:
        _one_voice(found)
    else:
        rows = ((one.voice or "(no voice)", *_cells(one.spent)) for one in found.voices)
        output.table(("voice", *HEAD), rows, NOTHING)
    if not month and len(found.months) > 1:
        print()
        output.table(("month", *HEAD), ((one.month, *_cells(one.spent)) for one in found.months))
    if found.voices:
        output.line(output.safe(f"In all: {', '.join(filter(None, _cells(found.all)))}."))
    for budget in found.budgets:
        output.line(output.safe(_budget(budget)))
    if sentence := CPU.get(found.cpu_meter, ""):
        output.note(sentence)


@app.command(rich_help_panel=PANEL)
def budget(
    voice: Annotated[
        str,
        typer.Argument(metavar="[VOICE]", help="The voice; none: all budgets.", autocompletion=arguments.voice_names),
    ] = "",
    amount: Annotated[
        str, typer.Argument(metavar="[SUM]", help="A month, such as 20€ or 20€/month; none: no budget.")
    ] = "",
    stop: Annotated[
        bool, typer.Option("--stop", help="Trainings save and wait once it is used up, until next month.")
    ] = False,
    json: output.Json = False,
) -> None:
    """Show what a voice may cost a month, or set it: it is told at 80 and at 100 percent, and stops nothing unless
    asked to.

    It is written into the table budget of the voice's voice.toml.
    """
    client = session.client()
    if not voice:
        if stop:
            raise ClientError("Whose budget stops?", "Name a voice and a sum: anna 20€.", "INVALID_ARGUMENT")
        budgets = list(client.costs().budgets)
        if json:
            output.json(budgets)
        for one in () if json else budgets:
            output.line(output.safe(_budget(one)))
        if not budgets and not json:
            output.line("No voice has a budget. `myna budget VOICE 20€` gives one.")
        return
    if not amount:
        if stop:
            raise ClientError("A budget that stops needs a sum.", "Give one, such as 20€.", "INVALID_ARGUMENT")
        found = client.budget(voice)
    else:
        limit = None if amount == "none" else read(amount)
        if limit is None and stop:
            raise ClientError("Without a budget nothing is stopped.", "Leave out --stop.", "INVALID_ARGUMENT")
        found = client.set_budget(voice, limit, stop=stop)
    output.json(found) if json else output.line(output.safe(_budget(found)))


def read(text: str) -> pb.Money:
    """A sum a month. Raises ClientError."""
    found = money.read(MONTH.sub("", text.strip()))
    if found is None:
        raise ClientError(f"{text!r} is not a sum of money.", "Write it like 20€ or 20.50 EUR.", "INVALID_ARGUMENT")
    return found


def _one_voice(found: pb.CostsResponse) -> None:
    rows = ((f"#{one.job}", *_cells(one.spent), one.title) for one in found.jobs)
    output.table(("job", *HEAD, "what"), rows, NOTHING)
    if found.runs:
        print()
        runs = ((f"#{one.run}", f"{one.steps:,}", *_cells(one.spent), _step(one)) for one in found.runs)
        output.table(("run", "steps", *HEAD, "a step"), runs)
        if points := found.runs[0].checkpoints:
            until = ", ".join(f"{energy_words.energy(one.joules)} at {one.step:,}" for one in _few(points))
            output.line(f"Run #{found.runs[0].run} had taken, by step: {until}.")
    if found.versions:
        print()
        versions = (
            (f"@{one.version}", *_cells(one.all), _part(one.training), _part(one.scoring)) for one in found.versions
        )
        output.table(("version", *HEAD, "training", "scoring"), versions)


def _cells(spent: pb.Spent) -> tuple[str, str, str]:
    return wording.duration(spent.seconds), energy_words.of(spent), energy_words.cost(spent)


def _part(spent: pb.Spent) -> str:
    return ", ".join(filter(None, _cells(spent))) if spent.seconds else ""


def _step(one: pb.RunCost) -> str:
    return energy_words.energy(one.joules_per_step) if one.HasField("joules_per_step") else ""


def _few(points: Iterable[pb.CheckpointCost], most: int = 6) -> list[pb.CheckpointCost]:
    """Some of them, evenly; the last is among them."""
    found = list(points)
    every = -(-len(found) // most)
    return found[::-1][::every][::-1]


def _budget(found: pb.Budget) -> str:
    """How a voice stands, in a sentence."""
    if not found.HasField("limit"):
        return f"{found.voice} has no budget."
    limit, stops = money.said(found.limit), ", then trainings wait" if found.stop else ""
    if found.others:
        known = f"it cost {money.said(found.used)} and more" if found.HasField("used") else "what it cost is not known"
        return (
            f"{found.voice} may cost {limit} a month{stops}; {known}, since work of this month is paid in "
            f"{' and '.join(found.others)}, too: [cost] of myna.toml has, or had, another currency than the budget."
        )
    if not found.HasField("used"):
        return f"{found.voice} may cost {limit} a month{stops}; what it cost is not known."
    used = money.said(found.used) if not found.lacks_energy else f"at least {money.said(found.used)}"
    renews = wording.moment(found.renews)
    return f"{found.voice} may cost {limit} a month{stops}; it cost {used} so far. It renews {renews}."
