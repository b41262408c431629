"""Numbers of versions that are to come. A number is a run's (`Run.to_version`) from the moment it is reserved, and is
never used twice."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from daemon.database.models import Run, Version
from daemon.home import identity


def folder(voice: str, number: int) -> Path:
    """Of a version, relative to the home."""
    return Path("voices") / voice / str(number)


def following(session: Session, voice: str, home: Path) -> tuple[int, range]:
    """(the next number that neither a row nor the disk has, those that only the disk has and that are passed over)."""
    newest = select(func.max(Version.number)).where(Version.voice == voice)
    reserved = select(func.max(Run.to_version)).where(Run.voice == voice)
    known = max(session.scalar(newest) or 0, session.scalar(reserved) or 0)
    number = identity.free_number(home, voice, known + 1)
    return number, range(known + 1, number)
