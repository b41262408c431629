"""A voice as its caller may see it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from daemon.caller import Right, words_of
from daemon.database.models import Voice
from daemon.database.store import caller_of
from daemon.state import seen, voices
from proto import myna_pb2 as pb


def message(session: Session, row: Voice) -> pb.Voice:
    """The voice on the wire: to a person with what they may do with it, and without what they may not read."""
    whole, rights = voices.message(session, row), seen.rights(session, row.name)
    if caller_of(session).everything:
        return whole
    if not rights & Right.READ:  # what it takes to let it speak
        whole = pb.Voice(
            name=whole.name,
            language=whole.language,
            engine=whole.engine,
            promoted=whole.promoted,
            created=whole.created,
            deleted=whole.deleted if whole.HasField("deleted") else None,
            owner=whole.owner,
        )
    whole.may.extend(words_of(rights))
    return whole
