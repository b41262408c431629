"""Rows of comparisons across voices and engines (`daemon.state.across`). They belong to the same schema as those of
`models`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from daemon.database.models import Row


class Comparison(Row):
    """Two versions (0: the base) of different voices or engines, as they said the same texts."""

    __tablename__ = "comparisons"
    id: Mapped[int] = mapped_column(primary_key=True)
    voice: Mapped[str]
    version: Mapped[int]
    other_voice: Mapped[str]
    other_version: Mapped[int]
    job: Mapped[int]
    report: Mapped[dict[str, Any]] = mapped_column(default=dict)  #: what was said and how it scored, line by line
    time: Mapped[datetime]
    __table_args__ = (
        Index("comparisons_version", "voice", "version"),
        Index("comparisons_other", "other_voice", "other_version"),
    )
