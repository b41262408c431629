"""Occasions: what people may want to be told of when they are not looking (docs/notices.md).

Each is an event, committed with the change that it tells of, so that it is there once whatever is killed. Who is told
of it, where and when is `daemon.notices`' business.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Version, Voice, now
from daemon.database.notice_rows import Standing
from daemon.errors import brief
from daemon.state import events, verdict
from daemon.state.values import Decision, OccasionKind, on_wire
from proto import myna_pb2 as pb

#: jobs whose failure is told to whoever asked and waits for the answer
WAITED_FOR = frozenset({pb.SPEAK, pb.TRANSCRIBE})
#: what becomes of a version that was to be promoted, and is not
REFUSALS = frozenset({Decision.WORSE, Decision.NOT_BETTER, Decision.BROKEN, Decision.NOT_PREFERRED})


def emit(session: Session, kind: OccasionKind, occasion: pb.Occasion) -> None:
    """Append an occasion of that kind to this transaction."""
    occasion.kind = on_wire(OccasionKind, kind)
    events.emit(session, pb.Event(occasion=occasion), occasion.voice)


def spoken_by(session: Session, voice: Voice, before: int, *, rolled_back: bool = False) -> None:
    """Another version of the voice speaks than `before` (its number; 0: the base)."""
    number = voice.promoted or 0
    told = pb.Occasion(voice=voice.name, version=number, before=before, rolled_back=rolled_back)
    row = session.scalars(select(Version).where(Version.voice == voice.name, Version.number == number)).first()
    if row is not None and not rolled_back:
        told.decision = on_wire(Decision, verdict.decision(row))
        told.why = brief(verdict.whole(row))
    emit(session, OccasionKind.PROMOTED, told)


def judged(session: Session, row: Version, decision: Decision, hint: str = "") -> None:
    """A version was to be promoted, and is not: it is worse, or nobody can tell yet (`hint` says what to do). Other
    decisions are no occasion."""
    kinds = {Decision.UNDECIDED: OccasionKind.UNDECIDED, **dict.fromkeys(REFUSALS, OccasionKind.REJECTED)}
    if (kind := kinds.get(decision)) is not None:
        told = pb.Occasion(voice=row.voice, version=row.number, decision=on_wire(Decision, decision))
        told.why, told.hint = brief(row.verdict), brief(hint)
        emit(session, kind, told)


def failed(session: Session, job: pb.Job) -> None:
    """A job failed; no occasion where somebody waits for its answer."""
    if job.kind not in WAITED_FOR:
        error = job.status.failed.error
        kept = pb.JobError(kind=error.kind, sentence=brief(error.sentence), hint=brief(error.hint))
        emit(session, OccasionKind.FAILED, _of_job(job, pb.Occasion(error=kept)))


def long_run(session: Session, job: pb.Job, seconds: float, expected: float, why: str = "") -> None:
    """A training works much longer than was expected, both in seconds of work; `why`: the likely cause."""
    told = pb.Occasion(seconds=seconds, expected_seconds=expected, why=why)
    emit(session, OccasionKind.LONG_RUN, _of_job(job, told))


def budget(
    session: Session, voice: str, share: float, spent: pb.Money, of: pb.Money, month: str, *, stops: bool = False
) -> None:
    """A voice has used up that share (1: all) of its budget for a month ("2026-11"). `stops`: its trainings wait until
    there is more. The caller emits each share once a month (`once` helps)."""
    told = pb.Occasion(voice=voice, share=share, spent=spent, budget=of, month=month, stops=stops)
    emit(session, OccasionKind.BUDGET, told)


def once(session: Session, what: str) -> bool:
    """Whether it began just now: from then on it stands, over restarts, until it is `over`."""
    if session.get(Standing, what) is not None:
        return False
    session.add(Standing(what=what, since=now()))
    return True


def over(session: Session, what: str) -> None:
    """It stands no more; the next time is another one."""
    if (row := session.get(Standing, what)) is not None:
        session.delete(row)


def _of_job(job: pb.Job, occasion: pb.Occasion) -> pb.Occasion:
    occasion.voice, occasion.job, occasion.job_kind, occasion.title = job.voice, job.id, job.kind, job.title
    return occasion
