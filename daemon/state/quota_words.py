"""What people read of a limit that they have reached: what is used, what is allowed, and when there is more."""

from __future__ import annotations

from sqlalchemy.orm import Session

from daemon.database.models import now
from daemon.errors import QuotaReached
from daemon.state import quotas
from daemon.state.quotas import Resource, Use

#: seconds after which a job that waits may have begun
SOON = 30.0
_MORE = "The owner of the workstation can allow more: `myna people add`."


def sentence(use: Use) -> tuple[str, str]:
    """(what is the matter, what to do)."""
    match use.what:
        case Resource.SPEECH:
            return f"{use.person} has used {_of_minutes(use)} minutes of speech today.", f"{_refills(use)} {_MORE}"
        case Resource.GPU:
            return f"{use.person} has used {_of_minutes(use)} GPU minutes today.", f"{_refills(use)} {_MORE}"
        case Resource.DISK:
            more = f", and this takes {_size(use.more)} more" if use.more else ""
            said = f"The voices of {use.person} take {_size(use.used)} of the {_size(use.allowed)} that they may{more}."
            return said, f"`myna purge` frees what versions take. {_MORE}"
        case Resource.WAITING:
            jobs = "job waits" if use.used == 1 else "jobs wait"
            said = f"{use.used:.0f} {jobs} for {use.person} already, and {use.allowed:.0f} may."
            return said, f"Wait until one of them has begun, or cancel one. {_MORE}"


def why_waits(use: Use) -> str:
    """Why a job waits for GPU minutes."""
    return f"{use.person} has used {_of_minutes(use)} GPU minutes today; {_clock(use)} there are more"


def refusal(use: Use) -> QuotaReached:
    """As an error."""
    after = (use.refills - now()).total_seconds() if use.refills is not None else 0.0
    return QuotaReached(*sentence(use), retry_after=SOON if use.what is Resource.WAITING else max(0.0, after))


def require(session: Session, person: str, what: Resource, more: float = 0.0) -> None:
    """Raises QuotaReached where a person may have no more of it."""
    found = quotas.reached(session, person, what, more)
    if found is not None:
        raise refusal(found)


def _of_minutes(use: Use) -> str:
    return f"{use.used / 60:.1f} of {use.allowed / 60:g}"


def _clock(use: Use) -> str:
    return f"at {use.refills.astimezone():%H:%M}" if use.refills is not None else "later"


def _refills(use: Use) -> str:
    return f"There are more {_clock(use)}, by the clock of Myna's machine."


def _size(size: float) -> str:
    for unit, one in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= one:
            return f"{size / one:.1f} {unit}"
    return f"{size:.0f} B"
