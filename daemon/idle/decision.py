"""Is there nothing left to do? Values in, value out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Keeps(StrEnum):
    """What keeps the machine up."""

    JOBS = "jobs"  #: wait or run; those that a person paused, or that wait for a budget, do not count
    INBOX = "inbox"  #: files arrive, settle, or are being taken
    STREAMS = "streams"  #: something is sent or fetched, backed up or checked
    WATCHED = "watched"  #: a dashboard or a script watches
    USERS = "users"  #: somebody is logged in on the machine
    RECENT = "recent"  #: somebody asked mynad for something just now


class Step(StrEnum):
    """What is to be done."""

    NOTHING = "nothing"
    ANNOUNCE = "announce"
    CANCEL = "cancel"  #: what was announced
    ACT = "act"


@dataclass(frozen=True)
class Seen:
    """How things stand. Times are seconds of a clock that never jumps."""

    now: float
    jobs: int = 0
    files: int = 0
    streams: int = 0
    watchers: int = 0
    users: tuple[str, ...] = ()
    asked: float = float("-inf")  #: when somebody asked mynad for something last
    unsent: float | None = None  #: when notices that were not sent are tried next; None: all were sent


@dataclass(frozen=True)
class Patience:
    """Seconds."""

    after: float  #: of idleness before it is done
    notice: float  #: before that, it is announced; at most as long as `after`
    unsent: float = 0.0  #: after that, for notices that were not sent, at most


@dataclass(frozen=True)
class Idleness:
    """Since when nothing keeps the machine up (None: something does), and whether it was announced, or done."""

    since: float | None = None
    announced: float | None = None
    done: bool = False


def keeps(seen: Seen, idle: Idleness) -> frozenset[Keeps]:
    """What keeps the machine up. What was asked for before the idleness began does not."""
    found = {
        Keeps.JOBS: seen.jobs > 0,
        Keeps.INBOX: seen.files > 0,
        Keeps.STREAMS: seen.streams > 0,
        Keeps.WATCHED: seen.watchers > 0,
        Keeps.USERS: bool(seen.users),
        Keeps.RECENT: idle.since is not None and seen.asked > idle.since,
    }
    return frozenset(one for one, true in found.items() if true)


def decide(seen: Seen, idle: Idleness, patience: Patience) -> tuple[Step, Idleness]:
    """What is to be done now, and what to remember. It is done once an idleness: only when something happened in
    between may it be done again."""
    if keeps(seen, idle):
        busy = Idleness() if keeps(seen, Idleness()) else Idleness(since=seen.now)
        return (Step.CANCEL if idle.announced is not None and not idle.done else Step.NOTHING), busy
    if idle.since is None:
        return Step.NOTHING, Idleness(since=seen.now)
    if idle.done:
        return Step.NOTHING, idle
    if idle.announced is None:
        if seen.now - idle.since >= patience.after - min(patience.notice, patience.after):
            return Step.ANNOUNCE, Idleness(idle.since, seen.now)
        return Step.NOTHING, idle
    # the whole notice, also where mynad (or the machine) was asleep meanwhile
    due = max(idle.since + patience.after, idle.announced + min(patience.notice, patience.after))
    if seen.now < due or _waits_for_notices(seen, due + patience.unsent):
        return Step.NOTHING, idle
    return Step.ACT, Idleness(idle.since, idle.announced, done=True)


def _waits_for_notices(seen: Seen, until: float) -> bool:
    """Whether what was not sent may yet be: it is tried (again) before the patience ends."""
    return seen.unsent is not None and max(seen.unsent, seen.now) < until
