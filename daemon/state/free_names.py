"""Names that no voice has yet. The owner may have left something under one all the same: recordings that come to rest
in the inbox, a consent note, folders of a database that was lost. A person does not get such a name, and what belongs
to it with it."""

from __future__ import annotations

import os

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.consent_rows import VoiceConsent
from daemon.database.store import caller_of, home_of
from daemon.errors import NotNow
from proto.voice_name import slug

#: Folders of the home that have one for each voice.
PLACES = ("inbox", "voices", "samples")


def taken(name: str) -> NotNow:
    """Said of the name of a voice that somebody is not to know of, and of one that waits for its voice."""
    return NotNow(f"The name {name} is not free.", "Choose another name.")


def check_noted(session: Session, name: str) -> None:
    """Raises NotNow where a consent note waits for a voice of that name, and the caller may not everything."""
    noted = select(VoiceConsent.id).where(VoiceConsent.voice == name).limit(1)
    if not caller_of(session).everything and session.scalar(noted) is not None:
        raise taken(name)


def check(session: Session, name: str) -> None:
    """Raises NotNow where anything waits for a voice of that name, and the caller may not everything."""
    check_noted(session, name)
    if caller_of(session).everything or not name or slug(name) != name:  # what is no name leads elsewhere
        return
    if any(os.path.lexists(home_of(session) / place / name) for place in PLACES):
        raise taken(name)
