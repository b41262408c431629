"""What work on this machine costs, as far as its owner said: the table `[cost]` of `myna.toml`. Here, and nowhere else,
time and energy become money, and money time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from daemon.errors import BadRequest, NotNow
from engines.errors import BadInput
from engines.setting import Setting, checked, declared
from proto import money
from proto import myna_pb2 as pb

#: joules of a kilowatt-hour
KWH = 3_600_000.0
#: What a budget may be where a sum of money cannot be kept to.
A_TIME = "as a time, such as 2h"


@dataclass(frozen=True)
class Price:
    """Of this machine at work."""

    per_hour: Annotated[
        float,
        Setting(
            "what an hour of this machine at work costs, besides its energy where `per_kwh` is set; 0: not known",
            0,
            1_000_000,
        ),
    ] = 0.0
    currency: Annotated[
        str,
        Setting(
            "what that is paid in",
            form='a sign or a code of three capital letters, like "€" or "EUR"',
            pattern=money.CURRENCY,
        ),
    ] = "€"
    per_kwh: Annotated[float, Setting("what a kilowatt-hour costs, on top; 0: not known", 0, 1_000_000)] = 0.0
    rest_watts: Annotated[
        float,
        Setting(
            "what the machine draws at work besides its GPUs and CPUs, as a meter at the plug tells; added to energy "
            "that is measured",
            0,
            100_000,
            "watts",
        ),
    ] = 0.0

    def __post_init__(self) -> None:
        checked(PRICE, vars(self), "cost")

    @property
    def known(self) -> bool:
        """Whether there is one."""
        return bool(self.per_hour or self.per_kwh)

    def of(self, seconds: float, joules: float | None = None) -> pb.Money | None:
        """What so many seconds of work and their energy cost, as `cost` reckons; None: nothing of it is known."""
        amount = self.cost(seconds, joules)
        return None if amount is None else pb.Money(amount=amount, currency=self.currency)

    def cost(self, seconds: float, joules: float | None) -> float | None:
        """What time and energy cost, in `currency`; None: nothing of it is known. Joules that are None are not in it
        (`lacks`)."""
        energy = None if joules is None or not self.per_kwh else joules / KWH * self.per_kwh
        time = seconds * self.per_hour / 3_600 if self.per_hour else None
        return None if energy is None and time is None else (energy or 0.0) + (time or 0.0)

    def seconds(self, budget: pb.Money, watts: float | None = None) -> float:
        """How long may be worked for a sum, where work draws so much (None: not known, and not in it). Raises
        BadRequest for what is no sum, or one in another currency; NotNow where it is not known what an hour costs."""
        if not (math.isfinite(budget.amount) and budget.amount > 0):
            raise BadRequest("The budget is no sum of money.", "Give an amount above 0.")
        try:
            PRICE["currency"].check("currency", budget.currency)
        except BadInput as error:
            raise BadRequest(f"The budget is no sum of money: {error}", "Give it as 3€ or 3 EUR.") from None
        hour = self.cost(3_600, None if watts is None else watts * 3_600)
        if not hour:
            unmeasured = " (what energy a training takes was not measured yet)" if self.per_kwh else ""
            raise NotNow(
                f"Myna does not know what an hour costs here{unmeasured}, so it cannot keep to a budget of money.",
                f"Set per_hour in [cost] of myna.toml and start mynad again, or give the budget {A_TIME}.",
            )
        if not money.same(budget.currency, self.currency):
            raise BadRequest(
                f"The budget is in {budget.currency}, and what an hour costs here is known in {self.currency}.",
                f"Give it in {self.currency}, or {A_TIME}.",
            )
        seconds = budget.amount / hour * 3_600
        if not math.isfinite(seconds):
            raise BadRequest("The budget is too large.", "Leave it out: then there is none.")
        return seconds


PRICE = declared(Price)
