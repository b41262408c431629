"""What workers died of: the file or recording that each was at, as it told by `At`, for the next attempt of the same
job.

Only in memory: after a restart of mynad, what kills workers is found once more.
"""

from __future__ import annotations

from collections import Counter

from proto import worker_pb2 as wire


class Blame:
    """Counts deaths in a row without anything done, by job and by what the worker was at."""

    def __init__(self) -> None:
        self._deaths: dict[int, Counter[bytes]] = {}

    def died(self, job: int, what: bytes, *, got_on: bool = False) -> None:
        """The job's worker died at `what`; with `got_on` it had done something of it that lasts, so that neither this
        death nor those before were for nothing: none counts."""
        deaths = self._deaths.setdefault(job, Counter())
        deaths[what] = 0 if got_on else deaths[what] + 1

    def of(self, job: int) -> list[wire.DiedOf]:
        """For the job's next attempt; what only workers died of that had got on with it is there, 0 times."""
        return [wire.DiedOf(what=what, times=times) for what, times in self._deaths.get(job, {}).items()]

    def forget(self, job: int) -> None:
        """The job has ended."""
        self._deaths.pop(job, None)
