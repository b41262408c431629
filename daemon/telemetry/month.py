"""What work took in this month. Its rows are summed when somebody asks; where there are so many that this takes long, a
scrape is answered with the sum of a moment ago, and they are summed anew beside it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from daemon.database.models import now
from daemon.database.store import Store
from daemon.errors import StoreTrouble
from daemon.state import spent
from daemon.state.spent import Total

log = logging.getLogger("mynad.telemetry")

#: seconds that a sum may take while a scrape waits for it
QUICK = 0.02
#: of the time, summing beside scrapes takes at most this part
SHARE = 0.01


class Month:
    """Of one mynad. `clock`: seconds that never jump."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._known: Total | None = None
        self._month = ""
        self._took = self._at = 0.0  #: how long the last sum took, and when it was there
        self._summing: asyncio.Task[None] | None = None

    async def metrics(self) -> list[Metric]:
        """Raises StoreTrouble, where nothing is known yet."""
        month = spent.month_of(now())
        if self._known is None or month != self._month or self._took <= QUICK:
            await self._sum(month)
        elif self._summing is None and self._clock() - self._at >= self._took / SHARE:
            self._summing = asyncio.create_task(self._beside(month))
        assert self._known is not None
        return [*_families(self._known)]

    async def _sum(self, month: str) -> None:
        began = self._clock()
        self._known = await self._store.read(spent.of_month, month)
        self._month, self._at = month, self._clock()
        self._took = self._at - began

    async def _beside(self, month: str) -> None:
        try:
            await self._sum(month)
        except StoreTrouble as trouble:
            log.debug("What work took could not be summed; the next scrape does it. %s", trouble)
        finally:
            self._summing = None


def _families(took: Total) -> Iterator[Metric]:
    """What is not known is not there."""
    yield GaugeMetricFamily("myna_month_work_seconds", "Work of this month.", value=took.seconds)
    if took.joules is not None:
        yield GaugeMetricFamily("myna_month_energy_joules", "What it took, as far as it is known.", value=took.joules)
    money = GaugeMetricFamily("myna_month_cost", "What it cost, as far as a price is known.", labels=("currency",))
    for currency, amount in took.money.items():
        money.add_metric((currency,), amount)
    yield money
