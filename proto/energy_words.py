"""What work took of the machine as people read it: one wording for reports, the command line and the dashboard. What is
not known is said to be, or left out; it is never 0."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from proto import money
from proto import myna_pb2 as pb

KWH, WH = 3_600_000.0, 3_600.0  #: joules
UNKNOWN = "not known"
#: what a sum of energy lacks
LACKS = {pb.UNMETERED_GPU: "the GPU", pb.UNMETERED_CPU: "the CPU"}


def energy(joules: float) -> str:
    """5_400_000 → "1.50 kWh", 90_000 → "25 Wh", 1_800 → "0.50 Wh", 12 → "12 J"."""
    if joules >= KWH:
        return f"{joules / KWH:,.2f} kWh"
    if joules >= 10 * WH:
        return f"{joules / WH:.0f} Wh"
    return f"{joules / WH:.2f} Wh" if joules >= 0.05 * WH else f"{joules:.3g} J"


def of(spent: pb.Spent) -> str:
    """Energy and what is lacking in it: "1.50 kWh", "1.50 kWh without the CPU", "not known"."""
    return energy(spent.joules) + without(spent.unmetered) if spent.HasField("joules") else UNKNOWN


def without(unmetered: Iterable[pb.Unmetered.ValueType]) -> str:
    """ " without the CPU"; empty: nothing lacks. A part may have been measured."""
    lacks = " and ".join(LACKS[one] for one in unmetered if one in LACKS)
    return f" without {lacks}" if lacks else ""


def cost(spent: pb.Spent) -> str:
    """ "1.20 €", "at least 1.20 €" where energy that has a price is not known, "1.20 € and 3.00 USD"; empty: no price
    is known."""
    sums = " and ".join(money.said(one) for one in spent.money)
    return f"at least {sums}" if sums and spent.money_lacks_energy else sums


def meter(progress: pb.Progress) -> str:
    """What a job at work took so far, and will have taken at its end: "0.12/0.45 kWh, 0.04/0.15 €"; empty where nothing
    is known."""
    now, end = progress.spent, progress.expected
    parts = []
    if now.HasField("joules"):
        parts.append(_of(energy(now.joules), energy(end.joules) if end.HasField("joules") else ""))
    sums = {one.currency: one for one in end.money}
    for one in now.money:
        whole = sums.get(one.currency)
        parts.append(_of(money.said(one), money.said(whole) if whole is not None else ""))
    return ", ".join(parts)


def expected(one: pb.Expected) -> tuple[str, str]:
    """(energy, money) of work to come, each with its range; empty where nothing is known."""
    joules = between(one.joules, energy) + without(one.unmetered) if one.HasField("joules") else ""

    def sum(amount: float) -> str:
        return money.said(pb.Money(amount=amount, currency=one.currency))

    return joules, between(one.money, sum) if one.HasField("money") else ""


def between(range: pb.Range, said: Callable[[float], str]) -> str:
    """ "about 25 Wh (20 Wh to 31 Wh)"."""
    low, likely, high = (said(value) for value in (range.low, range.likely, range.high))
    return f"about {likely} ({low} to {high})" if low != high else f"about {likely}"


def _of(now: str, end: str) -> str:
    """Two amounts; their unit once, where it is the same."""
    amount, _, unit = now.rpartition(" ")
    return f"{amount if end.endswith(f' {unit}') else now}/{end}" if end else now
