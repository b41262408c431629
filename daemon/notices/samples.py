"""Which spoken line goes along with the news of a version."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Evaluation
from daemon.errors import MynaError
from daemon.notices.outbox import Notice
from daemon.state import consent_notes, spoken_lines
from daemon.state.values import OccasionKind


def of(session: Session, notices: Sequence[Notice], home: Path) -> str:
    """The file of a line that the newest promoted version of them spoke when it was scored; empty: there is none, or
    its voice may not leave this machine."""
    promoted = [one.occasion for one in notices if one.kind is OccasionKind.PROMOTED and not one.occasion.rolled_back]
    for told in reversed(promoted):
        try:
            consent_notes.check(session, told.voice)
        except MynaError:
            continue
        scored = Evaluation.voice == told.voice, Evaluation.version == told.version
        newest = session.scalars(select(Evaluation).where(*scored).order_by(Evaluation.id.desc()).limit(1)).first()
        for line in spoken_lines.lines(newest) if newest is not None else ():
            path = home / line.spoken
            if line.spoken and path.is_file() and path.resolve().is_relative_to((home / "samples").resolve()):
                return str(path)
    return ""
