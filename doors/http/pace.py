"""How many requests an address may make in a minute; more are told when to come again. A caller in a hurry, or one who
tries tokens, then leaves the door to the others."""

from __future__ import annotations

import math
import time
from ipaddress import IPv6Address, IPv6Network, ip_address

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

from doors.http.errors import CLOSE, Problem

#: Bits of an IPv6 address that tell whose it is: the rest is anybody's to choose.
NETWORK = 64


class Pace:
    """For `most` requests a minute from each address; 0: any number."""

    def __init__(self, most: int) -> None:
        self._most = RateLimitItemPerMinute(most) if most else None
        self._counts = FixedWindowRateLimiter(MemoryStorage())  # forgets an address when its minute is over

    async def problem(self, address: str) -> Problem | None:
        """Counts a request; why it is not met, if it is one too many."""
        if self._most is None or await self._counts.hit(self._most, whose(address)):
            return None
        ends = (await self._counts.get_window_stats(self._most, whose(address))).reset_time
        again = min(60, max(1, math.ceil(ends - time.time())))
        sentence = f"{address} has made {self._most.amount:,} requests within a minute. Ask again in {again} s."
        return Problem(429, sentence, "rate_limit_exceeded", headers={"Retry-After": str(again), **CLOSE})


def whose(address: str) -> str:
    """What addresses of one caller have in common."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Network((found, NETWORK), strict=False))
