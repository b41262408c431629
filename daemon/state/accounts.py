"""What people use: seconds of speech and of the GPU by day, and bytes of disk. The workstation's owner has no account.

An attempt in the GPU lane has a meter from the transaction in which it begins to the one in which it ends; what it took
goes to the person's day then, whenever it gives way, and several times a second meanwhile (`tick`). So a kill loses
what it took since the last of these, and nothing else: at the next start `forget_meters` drops those that are left.
Speech is counted as it is spoken. It is not counted as time of the GPU too: it has minutes of its own.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Select, and_, delete, func, or_, select, text
from sqlalchemy.orm import Session

from daemon.database.models import Attempt, Job, Recording, Version, Voice, now
from daemon.database.quota_rows import THEIRS, Meter, SpokenLines, Usage
from daemon.state.seen import SPEECH
from daemon.state.status import State

#: days that usage is kept
KEPT = 400


def day_of(moment: datetime) -> str:
    """The day of this machine's clock."""
    return f"{moment.astimezone():%Y-%m-%d}"


def refill(moment: datetime) -> datetime:
    """When the next day begins: what may be used a day is there again."""
    local = moment.astimezone()
    following = local.date() + timedelta(days=1)
    return datetime(following.year, following.month, following.day).astimezone().astimezone(UTC)


# -------------------------------------------------------------------------------------------------------------- the GPU


def begin(session: Session, job: Job, attempt: Attempt) -> None:
    """An attempt begins to take the GPU lane."""
    if job.person and job.gpu_lane and job.kind != SPEECH:
        session.add(Meter(attempt=attempt.id, job=job.id, person=job.person, since=attempt.started))
        session.flush()


def give_way(session: Session, job: Job) -> None:
    """It gives way: what it took is counted."""
    for meter in _meters(session, job):
        _count(session, meter, now())
        meter.since = None


def go_on(session: Session, job: Job) -> None:
    """It takes the lane again."""
    for meter in _meters(session, job):
        meter.since = meter.since or now()


def close(session: Session, job: Job) -> None:
    """It takes the lane no more."""
    for meter in _meters(session, job):
        _count(session, meter, now())
        session.delete(meter)


def tick(session: Session) -> list[int]:
    """Count what all attempts took until now. Returns the jobs at it."""
    meters = list(session.scalars(select(Meter).where(Meter.since.is_not(None))))
    for meter in meters:
        _count(session, meter, now())
    return [meter.job for meter in meters]


def forget_meters(session: Session) -> None:
    """At the start, before anything begins: no attempt is at work. Usage of long ago goes, too."""
    session.execute(delete(Meter))
    session.execute(delete(Usage).where(Usage.day < day_of(now() - timedelta(days=KEPT))))


def _meters(session: Session, job: Job) -> list[Meter]:
    return list(session.scalars(select(Meter).where(Meter.job == job.id))) if job.person else []


def _count(session: Session, meter: Meter, until: datetime) -> None:
    """Each day gets its own part."""
    while meter.since is not None and meter.since < until:
        end = min(until, refill(meter.since))
        _day(session, meter.person, meter.since).gpu += (end - meter.since).total_seconds()
        meter.since = end


# -------------------------------------------------------------------------------------------------------------- speech


def spoke(session: Session, person: str, seconds: float) -> None:
    """Something was spoken for them."""
    _day(session, person, now()).speech += seconds


# -------------------------------------------------------------------------------------------------------------- asking


def today(session: Session, person: str) -> Usage:
    """What they used today."""
    day = day_of(now())
    return session.get(Usage, (person, day)) or Usage(person=person, day=day, speech=0.0, gpu=0.0)


def days(session: Session, person: str, most: int) -> list[Usage]:
    """Of the days on which they used something, the newest first."""
    query = select(Usage).where(Usage.person == person).order_by(Usage.day.desc()).limit(most)
    return list(session.scalars(query))


def disk(session: Session, person: str) -> int:
    """Bytes of recordings, versions and scored lines of their voices, as rows have them."""
    return _size(session, select(Voice.name).where(Voice.owner == person))


def disk_of(session: Session, voice: str) -> int:
    """The same of one voice."""
    return _size(session, select(Voice.name).where(Voice.name == voice))


def _size(session: Session, names: Select[str]) -> int:
    sums = (select(func.sum(table.size)).where(table.voice.in_(names)) for table in (Recording, Version, SpokenLines))
    return sum(session.scalar(query) or 0 for query in sums)


def waiting(session: Session, person: str) -> int:
    """Jobs of theirs that wait, or that they hold: those would wait as soon as they let them go on."""
    held = and_(Job.state == State.PAUSED, Job.paused_by_person)
    theirs = select(func.count()).where(text(THEIRS), Job.person == person, or_(Job.state == State.QUEUED, held))
    return session.scalar(theirs) or 0


def voices_of(session: Session, person: str) -> list[str]:
    """Names of their voices."""
    return list(session.scalars(select(Voice.name).where(Voice.owner == person)))


def measured(session: Session, voice: str, size: int) -> None:
    """What a voice's scored lines take now."""
    row = session.get(SpokenLines, voice)
    if row is None:
        session.add(SpokenLines(voice=voice, size=size))
    else:
        row.size = size


def _day(session: Session, person: str, moment: datetime) -> Usage:
    key = person, day_of(moment)
    row = session.get(Usage, key)
    if row is None:
        row = Usage(person=person, day=key[1], speech=0.0, gpu=0.0)
        session.add(row)
        session.flush()
    return row
