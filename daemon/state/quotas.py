"""What people may use, and whether they have: values; `daemon.state.quota_words` puts them into words. The owner of the
workstation and admins have no limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from daemon.caller import Right
from daemon.database.models import Voice, now
from daemon.database.people_rows import Person
from daemon.database.store import caller_of
from daemon.state import accounts


class Resource(StrEnum):
    """What is limited."""

    SPEECH = "speech"  #: seconds a day
    GPU = "gpu"  #: seconds a day in the GPU lane, but for speech
    DISK = "disk"  #: bytes
    WAITING = "waiting"  #: jobs
    UPLOADS = "uploads"  #: files and packages that come in at once
    TRANSCRIPTIONS = "transcriptions"  #: files that are sent, waiting or heard at once


#: what anybody may have open at once; not rows, but calls that go on, and for every person the same
AT_ONCE = {Resource.UPLOADS: 8, Resource.TRANSCRIPTIONS: 8}


@dataclass(frozen=True)
class Use:
    """How a person stands with something that is limited for them; units are the resource's."""

    person: str
    what: Resource
    used: float
    allowed: float
    more: float = 0.0  #: that they ask for, where it is known
    refills: datetime | None = None  #: None: not by itself

    @property
    def reached(self) -> bool:
        """They may have no more, or not as much more."""
        return self.used + self.more > self.allowed if self.more else self.used >= self.allowed


def limited(session: Session, person: str) -> Person | None:
    """The person's row, if limits hold for them."""
    row = session.get(Person, person) if person else None
    return None if row is None or Right(row.rights) & Right.ADMIN else row


def use(session: Session, person: str, what: Resource, more: float = 0.0) -> Use | None:
    """How they stand; None: there is no limit for them."""
    row = limited(session, person)
    if row is None:
        return None
    match what:
        case Resource.SPEECH if row.minutes_a_day is not None:
            spoken = accounts.today(session, person).speech
            return Use(person, what, spoken, row.minutes_a_day * 60, refills=accounts.refill(now()))
        case Resource.GPU if row.gpu_minutes_a_day is not None:
            taken = accounts.today(session, person).gpu
            return Use(person, what, taken, row.gpu_minutes_a_day * 60, refills=accounts.refill(now()))
        case Resource.DISK if row.disk is not None:
            return Use(person, what, accounts.disk(session, person), row.disk, more)
        case Resource.WAITING if row.waiting is not None:
            return Use(person, what, accounts.waiting(session, person), row.waiting)
    return None


def reached(session: Session, person: str, what: Resource, more: float = 0.0) -> Use | None:
    """How they stand, where they may have no more of it (or not `more`); None: they may."""
    found = use(session, person, what, more)
    return found if found is not None and found.reached else None


def pays(session: Session, voice: str) -> str:
    """Whose disk it is that a voice's files take: whose the voice is, or the caller's who makes it."""
    row = session.get(Voice, voice)
    return caller_of(session).name if row is None else row.owner or ""
