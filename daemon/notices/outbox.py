"""What a notifier has to tell and has not told: rows, by functions of a transaction.

A notifier reads events by a cursor of its own. What it is to tell of becomes notices in the same transaction in which
the cursor moves; notices become a message in one, and are gone in the one that records that the service took it. So a
kill loses none and doubles none.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from daemon.database.models import EventRow, new_uuid, now
from daemon.database.notice_rows import MessageRow, NoticeRow, NotifierRow
from daemon.errors import brief
from daemon.notices.parcel import Answer, Outcome
from daemon.notices.times import LONGEST_PAUSE, Plan, pause
from daemon.notify_settings import Notifier
from daemon.state import events
from daemon.state.values import OccasionKind, from_wire, on_wire
from proto import myna_pb2 as pb

#: events read at once
CHUNK = 500
#: notices of one message, and those that wait for a notifier at most: what comes beyond is counted
TOGETHER, MOST_WAITING = 40, 2_000


@dataclass(frozen=True)
class Notice:
    """Something that a notifier tells of."""

    id: int
    kind: OccasionKind
    time: datetime
    occasion: pb.Occasion


@dataclass(frozen=True)
class Message:
    """What is sent at once."""

    id: int
    key: str  #: by which a receiver tells that it comes again
    notices: tuple[Notice, ...]
    known: bool  #: it may have been handed to the sender before


@dataclass(frozen=True)
class Wait:
    """There is nothing to send until then; None: until something happens."""

    until: datetime | None


@dataclass(frozen=True)
class Unsent:
    """Notices that a notifier has not sent yet."""

    name: str
    count: int
    seconds: float  #: until they may be tried next; 0: now


@dataclass(frozen=True)
class Found:
    """Of the events after a notifier's cursor, those it tells of."""

    notices: Sequence[tuple[datetime, pb.Occasion]]
    cursor: int  #: events up to it were looked at
    forgotten: int  #: events that were pruned before
    moved: bool  #: the cursor is to move
    more: bool  #: there are further ones


def settle_names(session: Session, names: Collection[str]) -> dict[str, int]:
    """Let there be a row for each notifier, beginning with what happens from now on, and none for others; how many
    notices those had (by name), which nobody is told of any more."""
    newest = events.newest(session)
    known = {row.name: row for row in session.scalars(select(NotifierRow))}
    for name in names:
        if name not in known:
            session.add(NotifierRow(name=name, cursor=newest))
        elif known[name].cursor > newest:  # a database that was lost and made anew
            known[name].cursor = newest
    lost = {}
    for name in known.keys() - set(names):
        if waiting := _waiting(session, name):
            lost[name] = waiting
        for table in (NoticeRow, MessageRow):
            session.execute(delete(table).where(table.notifier == name))
        session.delete(known[name])
    return lost


def look(session: Session, name: str, kinds: Collection[OccasionKind]) -> Found:
    """Read on. Changes nothing: see `take`."""
    cursor = session.get_one(NotifierRow, name).cursor
    oldest = session.scalar(select(func.min(EventRow.cursor)))
    forgotten = max(0, oldest - 1 - cursor) if oldest is not None else 0  # the newest is never forgotten
    query = select(EventRow).where(EventRow.cursor > cursor).order_by(EventRow.cursor).limit(CHUNK)
    rows = session.scalars(query).all()
    found = [
        (row.time, occasion)
        for row in rows
        if (occasion := occasion_of(pb.Event.FromString(row.payload))) is not None
        and from_wire(OccasionKind, occasion.kind) in kinds
    ]
    reached = rows[-1].cursor if rows else cursor + forgotten
    return Found(found, reached, forgotten, reached != cursor, len(rows) == CHUNK)


def occasion_of(event: pb.Event) -> pb.Occasion | None:
    """What of an event a notifier may tell of."""
    match event.WhichOneof("what"):
        case "occasion":
            return event.occasion
        case "inbox" if event.inbox.state == "refused":
            kind = on_wire(OccasionKind, OccasionKind.REFUSED)
            return pb.Occasion(kind=kind, voice=event.inbox.voice, name=event.inbox.name, why=event.inbox.why)
    return None


def take(session: Session, name: str, found: Found) -> None:
    """Make notices of what was found, and move the cursor."""
    row = session.get_one(NotifierRow, name)
    if found.forgotten:
        _add(session, name, OccasionKind.MISSED, now(), pb.Occasion(count=found.forgotten, forgotten=True))
    room = MOST_WAITING - _waiting(session, name) if found.notices else 0
    for time, occasion in found.notices[: max(room, 0)]:
        _add(session, name, from_wire(OccasionKind, occasion.kind), time, occasion)
    if (left := len(found.notices) - max(room, 0)) > 0:
        _count(session, name, left)
    row.cursor = found.cursor


def _count(session: Session, name: str, left: int) -> None:
    """Notices for which there is no room: their number is told."""
    query = select(NoticeRow).where(NoticeRow.notifier == name, NoticeRow.message.is_(None))
    last = session.scalars(query.order_by(NoticeRow.id.desc()).limit(1)).first()
    told = pb.Occasion()
    if last is not None and last.kind == OccasionKind.MISSED:
        told.ParseFromString(last.occasion)
    if last is None or last.kind != OccasionKind.MISSED or told.forgotten:
        _add(session, name, OccasionKind.MISSED, now(), pb.Occasion(count=left))
        return
    told.count += left
    last.occasion = told.SerializeToString()


def _add(session: Session, name: str, kind: OccasionKind, time: datetime, occasion: pb.Occasion) -> None:
    occasion.kind = on_wire(OccasionKind, kind)
    session.add(NoticeRow(notifier=name, kind=kind, time=time, occasion=occasion.SerializeToString()))
    session.flush()


def _waiting(session: Session, name: str) -> int:
    return session.scalar(select(func.count()).select_from(NoticeRow).where(NoticeRow.notifier == name)) or 0


def due(session: Session, name: str, plan: Plan, moment: datetime, zone: tzinfo | None = None) -> Message | Wait:
    """What is to be sent at that moment. All that waits goes together, oldest first: what is urgent takes with it what
    a digest holds back, so that nothing overtakes."""
    message = _begun(session, name)
    at = _when(session, name, message, plan, moment, zone)
    if at is None or at > moment:
        return Wait(at)
    if message is not None:
        return _message(session, message, known=True)
    ids = session.scalars(select(NoticeRow.id).where(*_loose(name)).order_by(NoticeRow.id).limit(TOGETHER)).all()
    message = MessageRow(notifier=name, key=new_uuid(), made=moment)
    session.add(message)
    session.flush()
    session.execute(update(NoticeRow).where(NoticeRow.id.in_(ids)).values(message=message.id))
    return _message(session, message, known=False)


def unsent(session: Session, name: str, plan: Plan, moment: datetime, zone: tzinfo | None = None) -> Unsent | None:
    """What a notifier has not sent at that moment; None: nothing."""
    if session.get(NotifierRow, name) is None:
        return None
    at = _when(session, name, _begun(session, name), plan, moment, zone)
    if at is None:
        return None
    return Unsent(name, _waiting(session, name), max(0.0, (at - moment).total_seconds()))


def _begun(session: Session, name: str) -> MessageRow | None:
    """The message that was put together and not taken yet."""
    return session.scalars(select(MessageRow).where(MessageRow.notifier == name)).first()


def _loose(name: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Condition of notices that are in no message."""
    return NoticeRow.notifier == name, NoticeRow.message.is_(None)


def _when(
    session: Session, name: str, message: MessageRow | None, plan: Plan, moment: datetime, zone: tzinfo | None
) -> datetime | None:
    """When there is next something to send; None: until something happens, there is not."""
    again = _again(session.get_one(NotifierRow, name), moment)
    if message is not None:
        return plan.allowed(again, zone)
    kinds = session.scalars(select(NoticeRow.kind).where(*_loose(name)).distinct()).all()
    oldest = session.scalar(select(func.min(NoticeRow.time)).where(*_loose(name)))
    if oldest is None:
        return None
    at = plan.ready(oldest, map(OccasionKind, kinds), moment, zone)
    return plan.allowed(again, zone) if again > at else at


def _again(row: NotifierRow, moment: datetime) -> datetime:
    """When a service that did not answer just now may be tried; that moment where none did not. A clock that was put
    back must not hold notices back for longer than the longest pause."""
    return min(max(row.next_try or moment, moment), moment + LONGEST_PAUSE)


def _message(session: Session, row: MessageRow, *, known: bool) -> Message:
    of = session.scalars(select(NoticeRow).where(NoticeRow.message == row.id).order_by(NoticeRow.id))
    notices = (Notice(one.id, OccasionKind(one.kind), one.time, pb.Occasion.FromString(one.occasion)) for one in of)
    return Message(row.id, row.key, tuple(notices), known)


def settle(session: Session, name: str, message: Message, answer: Answer, moment: datetime, *, repeat: bool) -> None:
    """What became of a message. What may have arrived is left alone unless `repeat`, and the next message says so."""
    row = session.get_one(NotifierRow, name)
    row.answer = brief(answer.said)
    left = answer.outcome is Outcome.IN_DOUBT and not repeat
    if answer.outcome is Outcome.TAKEN or left:
        session.execute(delete(NoticeRow).where(NoticeRow.message == message.id))
        session.execute(delete(MessageRow).where(MessageRow.id == message.id))
        row.next_try = None
    if answer.outcome is Outcome.TAKEN:
        row.sent, row.last_sent, row.failures, row.failing_since = row.sent + 1, moment, 0, None
        return
    row.failures += 1
    row.failing_since = row.failing_since or moment
    if left:
        doubtful = sum(one.occasion.count if one.kind is OccasionKind.IN_DOUBT else 1 for one in message.notices)
        _add(session, name, OccasionKind.IN_DOUBT, moment, pb.Occasion(count=doubtful))
    row.next_try = moment + pause(row.failures)


def answers_again(session: Session, name: str) -> None:
    """A test message was taken: what waits for its next try need not wait any longer."""
    session.get_one(NotifierRow, name).next_try = None


def state(session: Session, notifier: Notifier) -> pb.Notifier:
    """How a notifier stands."""
    chosen, plan = notifier.settings, notifier.settings.plan
    told = pb.Notifier(
        name=notifier.name,
        events=[on_wire(OccasionKind, kind) for kind in chosen.events],
        quiet=str(plan.quiet or ""),
        digest_seconds=plan.digest.total_seconds() if plan.digest else 0.0,
        repeats=chosen.repeat,
        waiting=_waiting(session, notifier.name),
    )
    if (row := session.get(NotifierRow, notifier.name)) is None:
        return told
    told.sent, told.answer = row.sent, row.answer
    for field, moment in (
        (told.last_sent, row.last_sent),
        (told.failing_since, row.failing_since),
        (told.next_try, row.next_try),
    ):
        if moment is not None:
            field.FromDatetime(moment)
    return told
