"""Recordings of anna's that were cut by some settings, and what her `voice.toml` says next. No tests."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import clip

from daemon.database.models import Recording, Voice
from daemon.inbox import voice_toml
from daemon.state import recordings


def said(session: Session, toml: str) -> bool:
    """Whether what her `voice.toml` says now changed anything."""
    return voice_toml.apply(session, session.get_one(Voice, "anna"), voice_toml.parse(toml.encode()))


def waiting(session: Session) -> list[str]:
    """Names of the recordings that wait to be cut."""
    return [row.name for row in recordings.uncut(session, "anna")]


def cut(session: Session, **marks: str) -> None:
    """Recordings that were cut by settings of these marks."""
    recordings.ensure_voice(session, "anna")
    for name, mark in marks.items():
        clip(session, name)
        session.scalars(select(Recording).where(Recording.name == f"{name}.wav")).one().cut_by = mark
