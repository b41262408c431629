"""Which voices and jobs a caller may see, as conditions of queries. For the workstation's owner, for whoever may
everything, and for mynad itself there is none: they cost nothing then.

A voice is seen by the person whose it is, and by those with whom anything of it is shared. What it has (recordings,
datasets, runs, versions) takes the right to read. Its jobs do, too, but for those that one asked for oneself; and
speech is seen by whoever asked for it alone, whose text it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from daemon.caller import Caller, Right
from daemon.database.models import Job, Voice
from daemon.database.people_rows import Share
from daemon.database.store import caller_of
from daemon.errors import NotAllowed
from daemon.state import remote_voices

#: any of them lets somebody know that the voice is there
SEE = Right.SPEAK | Right.READ | Right.TRAIN
#: what takes a right, for people
NEEDED = {
    Right.SPEAK: "let {} speak",
    Right.READ: "see what {} has",
    Right.TRAIN: "change {}",
    Right.OWN: "decide over {}, which is not theirs",
}
#: what is said of a job that somebody is not to know
OTHERS = "another person's job"
#: the kind of jobs that hold what a person wants said
SPEECH = "speak"


def voices_where(session: Session, name: InstrumentedAttribute[str], right: Right) -> ColumnElement[bool] | None:
    """The condition that the caller has this right to the voice of that name; None: they may see everything."""
    caller = caller_of(session)
    return None if caller.everything else _where(caller, name, right)


def jobs_where(session: Session, right: Right = Right.READ) -> ColumnElement[bool] | None:
    """The condition that the caller may see a job, or (TRAIN) change it; None: they may every one."""
    caller = caller_of(session)
    if caller.everything:
        return None
    elsewhere = Job.voice.contains(remote_voices.MARK)  # speech by engines that have no voices here
    own = and_(Job.person == caller.name, or_(Job.voice == "", elsewhere, _where(caller, Job.voice, SEE)))
    return or_(own, and_(Job.kind != SPEECH, _where(caller, Job.voice, right)))


def readable(session: Session) -> frozenset[str] | None:
    """Names of the voices whose contents the caller may see; None: of all."""
    where = voices_where(session, Voice.name, Right.READ)
    return None if where is None else frozenset(session.scalars(select(Voice.name).where(where)))


def readable_since(session: Session) -> dict[str, datetime]:
    """The same for a caller who may not everything, with the time since when the voices are there: what happened before
    it to a voice of that name, which has another one by now, is not theirs."""
    where = voices_where(session, Voice.name, Right.READ)
    found = select(Voice.name, Voice.created)
    return dict(session.execute(found if where is None else found.where(where)).tuples().all())


def jobs(session: Session, ids: Iterable[int]) -> set[int]:
    """Those of the jobs that the caller may see."""
    where = jobs_where(session)
    query = select(Job.id).where(Job.id.in_(set(ids)))
    return set(session.scalars(query if where is None else query.where(where)))


def job(session: Session, row: Job) -> bool:
    """Whether the caller may see it."""
    caller = caller_of(session)
    if caller.everything:
        return True
    if row.person == caller.name and (not row.voice or remote_voices.is_one(row.voice)):
        return True
    had = rights(session, row.voice)
    return bool(had) if row.person == caller.name else bool(had & Right.READ) and row.kind != SPEECH


def rights(session: Session, voice: str, caller: Caller | None = None) -> Right:
    """What a caller (else the session's) may do with the voice; NONE: they are not to know that it is there."""
    caller = caller or caller_of(session)
    if caller.everything:
        return caller.rights | Right.SPEAK | Right.READ | Right.TRAIN | Right.OWN
    if remote_voices.is_one(voice):
        return remote_voices.rights(session, voice)
    row = session.get(Voice, voice) if voice else None
    if row is None:
        return Right.NONE
    if row.owner == caller.name:
        return caller.rights | Right.OWN
    shared = session.get(Share, (voice, caller.name))
    return caller.rights & Right(shared.rights) if shared is not None else Right.NONE


def require(session: Session, voice: str, right: Right, caller: Caller | None = None) -> None:
    """Raises NotAllowed for a caller (else the session's) who knows of the voice and has not this right to it."""
    caller = caller or caller_of(session)
    had = rights(session, voice, caller)
    if right and had and not had & right:
        what = NEEDED[next(one for one in NEEDED if one & right)].format(voice)
        hint = f"The owner of {voice} can change that: `myna share {voice} {caller.title} --may …`."
        raise NotAllowed(f"{caller.title} may not {what}.", hint)


def _where(caller: Caller, name: InstrumentedAttribute[str], right: Right) -> ColumnElement[bool]:
    usable = caller.rights & right
    own = name.in_(select(Voice.name).where(Voice.owner == caller.name))
    if not usable:
        return own if right == SEE else name.is_(None)
    shared = select(Share.voice).where(Share.person == caller.name, Share.rights.op("&")(int(usable)) != 0)
    return or_(own, name.in_(shared))
