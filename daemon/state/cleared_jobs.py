"""Jobs that have ended are cleared away: out of lists and counts. Rows, logs and results stay; trying one again brings
it back."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from daemon.caller import Right
from daemon.database.models import Job, now
from daemon.errors import BadRequest, NotNow
from daemon.state import events, jobs, seen
from daemon.state.status import ENDED
from proto import myna_pb2 as pb

#: Numbers that one event names: more than any list shows.
NAMED = 1_000


def clear(session: Session, ids: Sequence[int], states: Sequence[str] = ()) -> int:
    """Clear away these jobs, or (none named) all that have ended in one of the states (none named: in any). Returns how
    many. Raises NotFound, NotNow for a job that has not ended, BadRequest for a state that is no end."""
    which: ColumnElement[bool]
    if ids:
        for job in [jobs.get(session, number) for number in ids]:
            if job.state not in ENDED:
                sentence = f"Job {job.id} is {job.state}; only jobs that have ended can be cleared away."
                raise NotNow(sentence, f"`myna cancel {job.id}` ends it.")
        which = Job.id.in_(ids)
    else:
        if unknown := set(states) - set(ENDED):
            ends = ", ".join(ENDED)
            raise BadRequest(f"Jobs that are {sorted(unknown)[0]} cannot be cleared away.", f"Use {ends}.")
        which = Job.state.in_(set(states) or set(ENDED))
        if (where := seen.jobs_where(session, Right.TRAIN)) is not None:
            which &= where
    session.flush()
    fresh = which & Job.cleared.is_(None)
    numbers = list(session.scalars(select(Job.id).where(fresh).order_by(Job.id.desc())))
    if numbers:
        session.execute(update(Job).where(fresh).values(cleared=now()))
        events.emit(session, pb.Event(cleared=pb.JobsCleared(ids=numbers[:NAMED])))
    return len(numbers)
