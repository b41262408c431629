"""What people used, as the wire tells it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import now
from daemon.database.people_rows import Person
from daemon.database.quota_rows import Usage
from daemon.database.store import caller_of
from daemon.state import accounts, charges, people, quotas
from daemon.state.stamp import stamp
from proto import myna_pb2 as pb

#: days that are told of
DAYS = 31


def answer(session: Session, name: str) -> pb.UsageResponse:
    """What a person used; empty: everybody, or the caller, who is told of nobody else. Raises NotFound."""
    caller = caller_of(session)
    if not caller.everything:
        name = name or caller.name
    if not name:
        rows = session.scalars(select(Person).order_by(Person.name))
        return pb.UsageResponse(people=[_of(session, row) for row in rows], charges=_charges(session, ""))
    return pb.UsageResponse(people=[_of(session, people.seen(session, name))], charges=_charges(session, name))


def _charges(session: Session, name: str) -> list[pb.Charge]:
    return charges.seen(session, name, accounts.day_of(now() - timedelta(days=DAYS - 1)))


def _of(session: Session, row: Person) -> pb.PersonUsage:
    limits = people.limits(row) if quotas.limited(session, row.name) is not None else None
    return pb.PersonUsage(
        person=row.name,
        limits=limits,
        today=_day(accounts.today(session, row.name)),
        days=[_day(day) for day in accounts.days(session, row.name, DAYS)],
        disk=accounts.disk(session, row.name),
        waiting=accounts.waiting(session, row.name),
        refills=stamp(accounts.refill(now())),
    )


def _day(row: Usage) -> pb.UsedOnDay:
    return pb.UsedOnDay(day=row.day, speech_seconds=row.speech, gpu_seconds=row.gpu)
