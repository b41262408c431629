"""What characters cost that go to an engine elsewhere, as far as the owner or the provider's list says: here, and
nowhere else, characters become money."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.remote_settings import Use
from proto import money
from proto import myna_pb2 as pb


@dataclass(frozen=True)
class RemotePrice:
    """Of one engine."""

    per_million: float  #: 0: it is not known
    currency: str
    listed: bool = False  #: by the provider's list, and not by the owner

    def of(self, characters: int) -> pb.Money | None:
        """What so many cost; None: it is not known."""
        if not self.per_million:
            return None
        return pb.Money(amount=characters * self.per_million / 1_000_000, currency=self.currency)


def price(of: Use) -> RemotePrice:
    """What the owner says; else what the provider's list does, which is not that of a server elsewhere."""
    own = of.settings
    if own.price:
        return RemotePrice(own.price, own.currency)
    listed = None if own.base_url else of.provider.prices.get(of.model)
    if listed is None:
        return RemotePrice(0.0, own.currency)
    return RemotePrice(listed.per_million, listed.currency, listed=True)


def keeps_budget(of: Use) -> str:
    """Why its budgets could not be kept, for people; empty: they can, or there are none."""
    own, asked = of.settings, price(of)
    if not (own.budget_a_day or own.person_a_day):
        return ""
    if not asked.per_million:
        return "its budget cannot be kept while nobody knows what a million characters cost"
    if not money.same(asked.currency, own.currency):
        return f"its budget is in {own.currency}, and its price in {asked.currency}"
    return ""
