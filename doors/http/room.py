"""How many requests for speech are taken at once; the others are told when to come again."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from doors.http.errors import Problem, Refused

REMEMBERED = 20  #: requests whose time tells how soon there will be room


class Room:
    """For `most` requests, at work or waiting."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._took: deque[float] = deque(maxlen=REMEMBERED)  #: seconds

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place, for as long as it takes. Raises Refused 429, with Retry-After, where there is none."""
        if self._taken >= self._most:
            again = math.ceil(min(60.0, max(1.0, sum(self._took) / max(1, len(self._took)))))
            sentence = f"{self._most} requests are at work or waiting. Ask again in {again} s."
            raise Refused(Problem(429, sentence, "rate_limit_exceeded", headers={"Retry-After": str(again)}))
        self._taken += 1
        began = time.monotonic()
        try:
            yield
        finally:
            self._taken -= 1
            self._took.append(time.monotonic() - began)
