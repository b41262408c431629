"""The language of a voice whose `voice.toml` leaves it to be heard (`language = "auto"`): heard once, it holds as a
given one does."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Recording, Voice
from proto import myna_pb2 as pb

#: What `language` in voice.toml says then, and where options keep that it does.
AUTO, OPTION = "auto", "language"


def is_left_open(voice: Voice) -> bool:
    """Whether it is to be heard, and was not yet."""
    return voice.options.get(OPTION) == AUTO and not voice.heard_language


def waiting(session: Session) -> list[Voice]:
    """Voices that have recordings, and whose language is still to be heard in them."""
    recorded = select(Recording.voice).where(Recording.removed.is_(None))
    return [one for one in session.scalars(select(Voice).where(Voice.name.in_(recorded))) if is_left_open(one)]


def message(voice: Voice) -> pb.HeardLanguage | None:
    """On the wire; None: the language was given."""
    return pb.HeardLanguage(**voice.heard_language) if voice.options.get(OPTION) == AUTO else None
