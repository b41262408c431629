"""Budgets of voices in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from proto import money
from proto import myna_pb2 as pb

#: why a training that was stopped waits, until it is told how its voice's budget stands
OVER = "goes on when its voice has budget again"


def why_waits(voice: str, limit: pb.Money, month: str, renews: datetime) -> str:
    """Why a training waits, and until when."""
    local = renews.astimezone()
    until = f"it goes on at {local:%H:%M} on {local.day} {local:%B}, or with a higher budget"
    return f"{voice}'s budget of {money.said(limit)} for {named(month)} is used up; {until}"


def why_unknown(voice: str, limit: pb.Money, others: Sequence[str]) -> str:
    """Why a training waits where work is paid in other currencies than the budget, as `[cost]` was changed."""
    return (
        f"{voice}'s budget is in {limit.currency}, and work of this month is paid in {' and '.join(others)}: nobody "
        f"can tell what is left of it; it goes on with a budget that stops nothing (`myna budget {voice} SUM`), or "
        "when all of a month is paid in the budget's currency"
    )


def alert(voice: str, month: str, percent: int, used: float, limit: pb.Money) -> str:
    """What a person is told when so much is used up."""
    spent = money.said(pb.Money(amount=used, currency=limit.currency))
    how = "is used up" if percent >= 100 else f"is used up to {percent} %"
    return f"{voice}'s budget for {named(month)} {how}: {spent} of {money.said(limit)}."


def hint(voice: str, *, stops: bool, will_stop: bool) -> str:
    """What follows, and what to do."""
    if stops:
        return f"Its trainings save and wait until next month, or until `myna budget {voice} SUM` raises it."
    if will_stop:
        return f"Its trainings wait once it is used up. `myna cost {voice}` shows what cost how much."
    return f"Nothing is stopped. `myna cost {voice}` shows what cost how much."


def named(month: str) -> str:
    """ "2026-11" → "November 2026"."""
    year, number = map(int, month.split("-"))
    return f"{date(year, number, 1):%B} {year}"
