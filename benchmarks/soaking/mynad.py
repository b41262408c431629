"""The real mynad, whose hours pass quickly where that is honest.

Moved are, by the seams that the code has: the wall clock of its rows (`daemon.database.models.now`), which goes on by
an hour every SOAK_EVERY seconds, as it does on a machine that slept for an hour (so days begin, quotas refill, digests
fall due and things get old); and the pauses between two rounds of what is done once an hour: forgetting events,
cleaning, a look at notices. A file of its log has 4 kB in place of 5 MB. What is timed by the monotonic clock
(heartbeats, settling, speech that is idle, meters of energy) runs as ever.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime, timedelta

from daemon.database import models

#: in the environment: seconds to an hour of the moved clock, and how many hours it is moved at most
EVERY, HOURS = "SOAK_EVERY", "SOAK_HOURS"
LOG_BYTES = 4_000


def moved(every: float, most: int) -> timedelta:
    """By how much a clock that began now would be moved after the time that has passed since; see `clock`."""
    return timedelta(hours=min(int((time.monotonic() - _BEGAN) / every), most))


_BEGAN = time.monotonic()


def move(every: float, most: int) -> None:
    """Move the clock and the pauses of this process. Before any other module of `daemon` is imported."""

    def now() -> datetime:
        return datetime.now(UTC) + moved(every, most)

    real = models.now
    models.now = now
    from daemon import main, own_log
    from daemon.cleaning import cleaning
    from daemon.notices import post

    main.FORGET = cleaning.EVERY = cleaning.LOOK = post.LOOK = every
    own_log.FILE_BYTES = LOG_BYTES
    unmoved = [name for name, module in sys.modules.items() if module is not models and _has(module, real)]
    if unmoved:
        raise SystemExit(f"their clock is not moved: {', '.join(unmoved)}")


def _has(module: object, clock: object) -> bool:
    return any(value is clock for value in vars(module).values()) if hasattr(module, "__dict__") else False


if __name__ == "__main__":
    move(float(os.environ[EVERY]), int(os.environ[HOURS]))
    from daemon.main import main

    main()
