"""Rows of consent notes (`daemon.state.consent_notes`). They belong to the same schema as those of `models`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from daemon.database.models import Row


class VoiceConsent(Row):
    """Whose voice it is, and that it may be used, as somebody wrote it. Never changed or deleted: the newest holds."""

    __tablename__ = "voice_consents"
    id: Mapped[int] = mapped_column(primary_key=True)
    voice: Mapped[str]  #: a name: the voice may have no row yet
    text: Mapped[str]
    by: Mapped[str]  #: who wrote it
    time: Mapped[datetime]
    __table_args__ = (Index("voice_consents_voice", "voice", "id"),)
