"""Rows of what people thought of versions (`daemon.state.ratings`). They belong to the same schema as those of
`models`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from daemon.database.models import Row


class Rating(Row):
    """What a person thought of two versions of a voice (0: the base) that said the same."""

    __tablename__ = "ratings"
    id: Mapped[int] = mapped_column(primary_key=True)
    voice: Mapped[str]
    a: Mapped[int]
    b: Mapped[int]  #: greater than a: a pair is stored one way round
    clip: Mapped[str] = mapped_column(default="")  #: hash of the held-out line; empty: another text
    text: Mapped[str] = mapped_column(default="")
    preferred: Mapped[str] = mapped_column(default="")  #: "a", "b", "same", "": only scores were given
    score_a: Mapped[int] = mapped_column(default=0)  #: 1 to 5; 0: not given
    score_b: Mapped[int] = mapped_column(default=0)
    blind: Mapped[bool] = mapped_column(default=False)
    time: Mapped[datetime]
    __table_args__ = (Index("ratings_pair", "voice", "a", "b"),)
