"""What goes to engines that are elsewhere, and what it costs: before it is asked for, and after."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from proto import money
from proto import myna_pb2 as pb
from proto.channel import ClientError
from tui import output, wording


def show(prices: Sequence[pb.RemotePrice], json: bool) -> None:
    """All that was asked for is what it would cost."""
    if json:
        output.json(list(prices))
    elif not prices:
        output.line("Nothing leaves this machine: it is spoken here, and costs no money by the character.")
    for price in () if json else prices:
        output.line(output.safe(f"{price.voice}: {price.sentence}"))


def agree(prices: Sequence[pb.RemotePrice], yes: bool) -> None:
    """Have a person agree to what will be sent and what that costs. Raises ClientError where nobody does."""
    if not prices:
        return
    for price in prices:
        output.note(output.safe(f"{price.voice}: {price.sentence}"))
    if yes:
        return
    if not sys.stdin.isatty():
        raise ClientError("Nobody agreed to send this.", "--yes agrees.", "FAILED_PRECONDITION")
    if not typer.confirm("Send it?", err=True):
        raise ClientError("Nothing was sent.", "", "FAILED_PRECONDITION")


def told(charge: pb.Charge) -> str:
    """What was sent, in a sentence."""
    before = f", {charge.saved:,} had been spoken before" if charge.saved else ""
    sent = f"{charge.engine} was sent {wording.count(charge.characters, 'character')}{before}"
    if charge.HasField("cost"):
        return f"{sent}: {money.said(charge.cost)}."
    return f"{sent}; what that cost is not known."


def rows(charges: Sequence[pb.Charge]) -> list[tuple[str, ...]]:
    """Sums by day, for a table: day, engine, who, characters, those that cost nothing, cost."""
    return [
        (
            one.day,
            one.engine,
            output.safe(one.person) or "the owner",
            f"{one.characters:,}",
            f"{one.saved:,}" if one.saved else "",
            money.said(one.cost) if one.HasField("cost") else "not known",
        )
        for one in charges
    ]


HEAD = ("day", "engine", "who", "characters", "spoken before", "cost")
