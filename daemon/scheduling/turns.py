"""Fair turns: within one priority people take turns, so that a thousand jobs of one delay nobody else's one. A pure
decision (`in_turn`), and who had their turn when.

Who was served least recently goes first. Seconds of the GPU would measure better what one took, and limits are there
for that; as an order they let whoever comes late keep out, for hours, whoever worked in the morning. By turns, whoever
waits has theirs after at most one job of each of the others. A person's own jobs keep their order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemon.database.models import Job


@dataclass(frozen=True)
class Waiter:
    """A waiting job that could start."""

    job: int
    person: str  #: empty: the workstation's owner
    priority: int  #: higher first
    place: float  #: lower first


#: by (priority, person): the number of the turn that they had last; who had none is not in it
Served = Mapping[tuple[int, str], int]


def in_turn(waiting: Sequence[Waiter], served: Served) -> list[int]:
    """The jobs, in the order in which they are to start. Where several can at once, everybody's first go before
    anybody's second."""
    own: Counter[tuple[int, str]] = Counter()
    order: list[tuple[int, int, int, float, int]] = []
    for one in sorted(waiting, key=lambda one: (-one.priority, one.place, one.job)):
        key = one.priority, one.person
        order.append((-one.priority, own[key], served.get(key, 0), one.place, one.job))
        own[key] += 1
    return [job for *_, job in sorted(order)]


class Turns:
    """Who was served when, since mynad started. Without that, who waits longest goes first."""

    def __init__(self) -> None:
        self._served: dict[bool, dict[tuple[int, str], int]] = {True: {}, False: {}}
        self._count = 0

    def begun(self, job: Job) -> None:
        """The job starts."""
        self._count += 1
        self._served[job.gpu_lane][job.priority, job.person] = self._count

    def order(self, waiting: Sequence[Job], *, gpu: bool) -> list[int]:
        """Of jobs that could start in that lane."""
        each = [Waiter(job.id, job.person, job.priority, job.place) for job in waiting]
        return in_turn(each, self._served[gpu])
