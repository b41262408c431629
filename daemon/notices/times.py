"""When a message may be sent: quiet hours and digests, as arithmetic of times. Nothing here looks at a clock."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from daemon.state.values import OccasionKind
from proto import length

DAY = 24 * 60  #: minutes
#: What a digest does not hold back. (Quiet hours hold back everything.)
URGENT = frozenset({OccasionKind.FAILED, OccasionKind.DISK, OccasionKind.BUDGET, OccasionKind.SHUTDOWN})
_HOURS = re.compile(r"([0-9]{1,2})(?::([0-9]{2}))? ?- ?([0-9]{1,2})(?::([0-9]{2}))?")
#: the longest digest
LONGEST = timedelta(days=7)
#: pauses between tries of a message that the service did not take
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=15)


@dataclass(frozen=True)
class Quiet:
    """Hours of every day in which nothing is sent: minutes after midnight, by the local clock. `end` before `begin`:
    over midnight."""

    begin: int
    end: int

    @classmethod
    def read(cls, text: str) -> Quiet:
        """As people write it: "22-7", "22:30-6:15". Raises ValueError."""
        if (found := _HOURS.fullmatch(text.strip())) is None:
            raise ValueError(text)
        begin, end = (
            int(hour) * 60 + int(minute or 0) for hour, minute in ((found[1], found[2]), (found[3], found[4]))
        )
        minutes = [int(one or 0) for one in (found[2], found[4])]
        if begin > DAY or end > DAY or max(minutes) > 59 or begin % DAY == end % DAY:
            raise ValueError(text)
        return cls(begin % DAY, end % DAY)

    def until(self, moment: datetime, zone: tzinfo | None = None) -> datetime | None:
        """When the quiet that the moment (with a timezone) lies in ends; None: it lies in none. `zone`: of the local
        clock; None: this machine's."""
        local = moment.astimezone(zone)
        minute = local.hour * 60 + local.minute
        over_midnight = self.end < self.begin
        quiet = (minute >= self.begin or minute < self.end) if over_midnight else self.begin <= minute < self.end
        if not quiet:
            return None
        day = local.date() + timedelta(days=1 if over_midnight and minute >= self.begin else 0)
        wall = datetime(day.year, day.month, day.day, self.end // 60, self.end % 60)
        found = wall.replace(tzinfo=zone) if zone is not None else wall.astimezone()
        # where clocks are put back within quiet hours, their end may be the earlier one of two
        return max(found, moment + timedelta(minutes=1)) if found <= moment else found

    def __str__(self) -> str:
        return f"{_clock(self.begin)}-{_clock(self.end)}"


def _clock(minutes: int) -> str:
    return f"{minutes // 60}" if minutes % 60 == 0 else f"{minutes // 60}:{minutes % 60:02}"


def digest(text: str) -> timedelta:
    """For how long notices are gathered: "1h", "30 min". Raises ValueError for what is no length of time, or longer
    than LONGEST."""
    seconds = length.read(text)
    if seconds is None or not 0 < seconds <= LONGEST.total_seconds():
        raise ValueError(text)
    return timedelta(seconds=seconds)


@dataclass(frozen=True)
class Plan:
    """When a notifier sends."""

    quiet: Quiet | None = None
    digest: timedelta | None = None  #: so long notices are gathered, from the first one on

    def ready(self, oldest: datetime, kinds: Iterable[OccasionKind], now: datetime, zone: tzinfo | None) -> datetime:
        """When notices of these kinds that wait since `oldest` may be sent; not before `now`."""
        at = now
        if self.digest is not None and URGENT.isdisjoint(kinds):
            # a clock that was put back must not hold them back for longer than a digest lasts
            at = max(now, min(oldest, now) + self.digest)
        return self.allowed(at, zone)

    def allowed(self, moment: datetime, zone: tzinfo | None) -> datetime:
        """The moment, or the end of the quiet that it lies in."""
        return (self.quiet.until(moment, zone) if self.quiet is not None else None) or moment


def pause(failures: int) -> timedelta:
    """Before a message is tried again that was not taken so many times in a row."""
    return min(FIRST_PAUSE * (1 << min(max(failures - 1, 0), 20)), LONGEST_PAUSE)
