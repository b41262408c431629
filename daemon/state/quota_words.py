"""What people read of a limit that they have reached: what is used, what is allowed, and when there is more."""

from __future__ import annotations

from sqlalchemy.orm import Session

from daemon import caller as callers
from daemon.caller import Caller
from daemon.database.models import now
from daemon.database.store import caller_of
from daemon.errors import QuotaReached
from daemon.state import quotas
from daemon.state.quotas import Resource, Use

#: seconds after which a job that waits may have begun
SOON = 30.0
_SOON = (Resource.WAITING, Resource.UPLOADS, Resource.TRANSCRIPTIONS)
#: to whoever asks for what would be on somebody else's account
OTHERS = (
    "This would be on the account of somebody else, who may have no more of it now.",
    "Ask them, or the owner of the workstation, to make room.",
)
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
            return said, f"Wait until one of them has begun, or cancel one; paused ones count. {_MORE}"
        case Resource.UPLOADS:
            said = f"{use.used:.0f} uploads of {use.person} are open already, and {use.allowed:.0f} may be."
            return said, "Wait until one of them has ended, then send this again."
        case Resource.TRANSCRIPTIONS:
            said = f"{use.used:.0f} files of {use.person} are being transcribed, and {use.allowed:.0f} may be at once."
            return said, "Wait until one of them has ended, then send this again."


def why_waits(use: Use) -> str:
    """Why a job waits for GPU minutes."""
    return f"{use.person} has used {_of_minutes(use)} GPU minutes today; {_clock(use)} there are more"


def left_in_inbox(use: Use, voice: str) -> tuple[str, str]:
    """(sentence, what to do) about files that wait, for everybody who may read the voice: without figures."""
    said = f"The files in inbox/{voice} wait: with them the voices of {use.person} take more of the disk than they may."
    return said, f"`myna people usage` tells {use.person} how much. `myna purge` frees what versions take. {_MORE}"


def refusal(use: Use, caller: Caller | None = None) -> QuotaReached:
    """As an error, for a caller (else the one of the task at hand). Of what others use nobody is told, but that it is
    no less than they may."""
    caller = caller or callers.current()
    told = sentence(use) if caller.everything or caller.name == use.person else OTHERS
    after = (use.refills - now()).total_seconds() if use.refills is not None else 0.0
    return QuotaReached(*told, retry_after=SOON if use.what in _SOON else max(0.0, after))


def require(session: Session, person: str, what: Resource, more: float = 0.0) -> None:
    """Raises QuotaReached where a person may have no more of it."""
    found = quotas.reached(session, person, what, more)
    if found is not None:
        raise refusal(found, caller_of(session))


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
