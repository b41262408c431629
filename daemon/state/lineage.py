"""Who a version was trained from."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Version


def ancestors(session: Session, row: Version) -> list[int]:
    """Numbers of the versions it was trained from, nearest first; the base is not among them."""
    parents = dict(
        session.execute(select(Version.number, Version.parent).where(Version.voice == row.voice)).tuples().all()
    )
    found: list[int] = []
    at = row.parent
    while at and at not in found:
        found.append(at)
        at = parents.get(at, 0)
    return found
