"""Rows of what was spoken by engines that are elsewhere (`daemon.state.charges`). They belong to the same schema as
those of `models`."""

from __future__ import annotations

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from daemon.database.models import Row


class Charge(Row):
    """What one job had an engine speak on one day. A day's are the sum of all of them."""

    __tablename__ = "charges"
    job: Mapped[int] = mapped_column(primary_key=True)
    engine: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)  #: of this machine's clock, "2026-11-30"
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    person: Mapped[str]  #: who asked; empty: the owner of the workstation
    characters: Mapped[int] = mapped_column(default=0)  #: that the provider took
    saved: Mapped[int] = mapped_column(default=0)  #: characters that were spoken before, and cost nothing
    amount: Mapped[float] = mapped_column(default=0.0)  #: at the price of that time
    unpriced: Mapped[int] = mapped_column(default=0)  #: of the characters, those whose price nobody knew
    __table_args__ = (Index("charges_day", "day", "engine", "person"),)
