"""What a voice may cost a month: the table `[budget]` of its `voice.toml`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from engines.setting import Setting, declared
from proto import money


@dataclass(frozen=True)
class BudgetSettings:
    """Of one voice."""

    month: Annotated[
        str,
        Setting(
            "what all work for the voice may cost a month, in the currency of `[cost]`; empty: there is no budget",
            form='a sum of money, like "20€" or "20 EUR"',
            pattern=f"({money.SUM})?",
        ),
    ] = ""
    stop: Annotated[
        bool, Setting("trainings of the voice wait once it is used up, until the next month or a higher budget")
    ] = False


BUDGET = declared(BudgetSettings)
