"""What happened, in order: rows that are committed with the change they tell of, and a hub that hands them to watchers.

A watch from cursor c gives every event after c once. A watcher that cannot keep up loses nothing: it reads from the
database again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from daemon import caller
from daemon.database.models import EventRow, Job, now
from daemon.errors import CursorTooOld, brief
from daemon.state import seen_events
from daemon.state.values import Level, on_wire
from proto import myna_pb2 as pb

if TYPE_CHECKING:
    from daemon.database.store import Store

#: events read from the database at once
CHUNK = 500
#: events that are forgotten in one transaction
PRUNED = 10_000


def emit(session: Session, event: pb.Event, voice: str = "") -> None:
    """Append an event to this transaction. `event.cursor` and `event.time` are set here. A job's spec is added when it
    is read."""
    time = now()
    event.time.FromDatetime(time)
    event.ClearField("cursor")
    # past the ORM's unit of work: this is half of what a submit costs
    row = {"time": time, "voice": voice, "payload": event.SerializeToString()}
    event.cursor = session.connection().execute(insert(EventRow), row).lastrowid
    session.info.setdefault("events", []).append(event)


def notice(session: Session, level: Level, sentence: str, hint: str = "", voice: str = "") -> None:
    """Something a person should know that belongs to no job."""
    payload = pb.Notice(level=level, sentence=brief(sentence), hint=brief(hint), level_value=on_wire(Level, level))
    emit(session, pb.Event(notice=payload), voice)


def newest(session: Session) -> int:
    """Cursor of the newest event there ever was; 0 if none."""
    return session.scalar(select(func.max(EventRow.cursor))) or 0


def after(session: Session, cursor: int, voice: str = "", limit: int = CHUNK) -> tuple[list[pb.Event], int]:
    """(events after `cursor` in order that the caller may see, the cursor read up to). Raises CursorTooOld when some of
    them were pruned, or when the cursor is of another database."""
    oldest = session.scalar(select(func.min(EventRow.cursor)))
    if oldest is not None and 0 < cursor < oldest - 1:
        raise CursorTooOld(f"Events before {oldest} are no longer kept.", "List what you need, then watch from now on.")
    if cursor > newest(session):  # a new home: waiting for it to catch up would skip all that happens till then
        raise CursorTooOld(f"There was no event {cursor} here yet.", "List what you need, then watch from now on.")
    query = select(EventRow).where(EventRow.cursor > cursor).order_by(EventRow.cursor).limit(limit)
    rows = session.scalars(query).all()
    events = seen_events.of(session, [(row.voice, _message(row)) for row in rows if not voice or row.voice == voice])
    _add_specs(session, [event.job for event in events if event.HasField("job")])
    return events, rows[-1].cursor if rows else cursor


def _add_specs(session: Session, jobs: list[pb.Job]) -> None:
    """What jobs are to do is kept once, in their rows, and not in each event: it can be a whole book."""
    if jobs:
        specs = dict(
            session.execute(select(Job.id, Job.spec).where(Job.id.in_({job.id for job in jobs}))).tuples().all()
        )
        for job in jobs:
            job.spec.ParseFromString(specs.get(job.id, b""))


def prune(session: Session, keep: int, most: int = PRUNED) -> bool:
    """Forget all but the newest `keep` events, the oldest first and `most` of them at once: others write in between.
    Whether there are more."""
    last = newest(session) - keep
    oldest = session.scalar(select(func.min(EventRow.cursor))) or 0
    session.execute(delete(EventRow).where(EventRow.cursor <= min(last, oldest + most - 1)))
    return oldest + most <= last


def _message(row: EventRow) -> pb.Event:
    event = pb.Event.FromString(row.payload)
    event.cursor = row.cursor
    return event


class EventHub:
    """Hands events to watchers inside the daemon's event loop, and passes on progress, which is not stored."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._loop = asyncio.get_running_loop()
        self._changed: set[asyncio.Event] = set()
        self._progress: dict[asyncio.Queue[pb.Event], str] = {}  #: → the voice it is about; empty: all
        store.on_commit(lambda events: events and self._loop.call_soon_threadsafe(self._wake))

    @property
    def watchers(self) -> int:
        """How many watch."""
        return len(self._changed)

    def _wake(self) -> None:
        for changed in self._changed:
            changed.set()

    def progress(self, event: pb.Event) -> None:
        """Pass a cursor-less event to those who asked for progress of its voice; a full queue drops its oldest."""
        for waiting, voice in self._progress.items():
            if voice and voice != event.job.voice:
                continue
            if waiting.full():
                waiting.get_nowait()
            waiting.put_nowait(event)
        if self._progress:
            self._wake()

    async def watch(self, cursor: int, voice: str = "", *, progress: bool = False) -> AsyncIterator[pb.Event]:
        """Every event after `cursor`, for ever. Close the iterator to end."""
        changed = asyncio.Event()
        waiting: asyncio.Queue[pb.Event] = asyncio.Queue(maxsize=64)
        self._changed.add(changed)
        if progress:
            self._progress[waiting] = voice
        try:
            while True:
                changed.clear()
                events, reached = await self.store.read(after, cursor, voice)
                for event in events:
                    yield event
                progressed = [waiting.get_nowait() for _ in range(waiting.qsize())]
                for event in await self._seen(progressed):
                    yield event
                if reached > cursor:
                    cursor = reached
                    continue
                await changed.wait()
        finally:
            self._changed.discard(changed)
            self._progress.pop(waiting, None)

    async def _seen(self, progressed: list[pb.Event]) -> list[pb.Event]:
        """What the caller may see of it."""
        if caller.current().everything or not progressed:
            return progressed
        return await self.store.read(seen_events.of, [(event.job.voice, event) for event in progressed])
