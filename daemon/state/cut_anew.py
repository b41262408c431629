"""Clips whose files are lost are cut again: by the settings that cut them, so that the same clips come of it."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Recording, Voice
from daemon.state import cut_settings


def certain(session: Session, recordings: Iterable[int]) -> set[int]:
    """Those of these recordings that the voice's present settings cut as they were cut: the same settings, the same
    samples (`cut_settings.mark`). One that was removed from its voice, or cut by a Myna that noted none, is not."""
    query = select(Recording, Voice).join(Voice, Voice.name == Recording.voice)
    rows = session.execute(query.where(Recording.id.in_(set(recordings)), Recording.removed.is_(None))).tuples()
    return {row.id for row, voice in rows if row.cut_by and row.cut_by == cut_settings.of_voice(voice)}


def mark(session: Session, recordings: Iterable[int]) -> None:
    """The next dataset job of their voices cuts these again (`daemon.inbox.next_step` submits it)."""
    for row in session.scalars(select(Recording).where(Recording.id.in_(set(recordings)))):
        row.cut = None
