"""Rows of what people use (`daemon.state.accounts`). There are none of the workstation's owner. They belong to the same
schema as those of `models`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from daemon.database.models import LIVE, Job, Row

#: condition of a job of a person's that has not ended
THEIRS = f"{LIVE} AND person != ''"

#: whose jobs wait is asked in every pass of the scheduler: where there are no people, the index is empty
Index("jobs_people", Job.person, Job.state, Job.gpu_lane, Job.priority.desc(), Job.place, sqlite_where=text(THEIRS))


class Usage(Row):
    """What a person used on one day."""

    __tablename__ = "usage"
    person: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)  #: of this machine's clock, "2026-11-30"
    speech: Mapped[float] = mapped_column(default=0.0)  #: seconds that were spoken
    gpu: Mapped[float] = mapped_column(default=0.0)  #: seconds in the GPU lane, but for speech


class Meter(Row):
    """An attempt at work in the GPU lane for a person: what it took until `since` is in their `Usage`."""

    __tablename__ = "meters"
    attempt: Mapped[int] = mapped_column(ForeignKey("attempts.id"), primary_key=True)
    job: Mapped[int] = mapped_column(index=True)
    person: Mapped[str]
    since: Mapped[datetime | None]  #: None: it has given way, and takes nothing


class SpokenLines(Row):
    """What the lines take that a person's voice spoke to be scored (`samples/`)."""

    __tablename__ = "spoken_lines"
    voice: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int]  #: bytes, as they were last measured
