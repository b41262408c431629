"""Summaries of metric points (`daemon.state.point_blocks`). They belong to the same schema as the rows of `models`."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from daemon.database.models import Row


class PointBlock(Row):
    """What a block of steps of a series comes to. Written with its points; never more true than they are."""

    __tablename__ = "point_blocks"
    series: Mapped[int] = mapped_column(primary_key=True)
    block: Mapped[int] = mapped_column(primary_key=True)  #: step // BLOCK
    points: Mapped[int]  #: how many it has
    first_step: Mapped[int]
    low_step: Mapped[int | None]  #: of the least value; None: none of them is a number
    low: Mapped[float | None]
    high_step: Mapped[int | None]
    high: Mapped[float | None]
    __table_args__ = ({"sqlite_with_rowid": False},)
