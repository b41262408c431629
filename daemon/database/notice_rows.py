"""Rows of notices on their way to people (`daemon.notices`). They belong to the same schema as those of `models`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from daemon.database.models import Row


class NotifierRow(Row):
    """How far a notifier has come. One that is in myna.toml no more has none."""

    __tablename__ = "notifiers"
    name: Mapped[str] = mapped_column(primary_key=True)
    cursor: Mapped[int]  #: events up to it were looked at
    failures: Mapped[int] = mapped_column(default=0)  #: in a row
    failing_since: Mapped[datetime | None]
    next_try: Mapped[datetime | None]  #: not before; None: at once
    answer: Mapped[str] = mapped_column(default="")  #: what the service said last
    sent: Mapped[int] = mapped_column(default=0)  #: messages that the service took
    last_sent: Mapped[datetime | None]


class MessageRow(Row):
    """What a notifier sends at once, until the service has taken it: at most one a notifier. What it says does not
    change any more, for it may have arrived."""

    __tablename__ = "messages"
    id: Mapped[int] = mapped_column(primary_key=True)
    notifier: Mapped[str] = mapped_column(unique=True)
    key: Mapped[str] = mapped_column(String(32))  #: by which a receiver tells that it comes again
    made: Mapped[datetime]


class NoticeRow(Row):
    """An occasion that a notifier has not told of yet."""

    __tablename__ = "notices"
    id: Mapped[int] = mapped_column(primary_key=True)
    notifier: Mapped[str]
    message: Mapped[int | None]  #: that it is a part of
    kind: Mapped[str] = mapped_column(String(16))  #: an `OccasionKind`
    time: Mapped[datetime]
    occasion: Mapped[bytes] = mapped_column(LargeBinary)  #: serialised myna.v1.Occasion
    __table_args__ = (
        Index("notices_waiting", "notifier", "message", "id"),
        {"sqlite_autoincrement": True},  # a number is never used twice: receivers may tell notices by it
    )


class Standing(Row):
    """Something that people were told of and that still stands: they are not told again."""

    __tablename__ = "standing"
    what: Mapped[str] = mapped_column(primary_key=True)  #: "disk", "budget anna 2026-11 80"
    since: Mapped[datetime]


class ExpectedRun(Row):
    """What a training was expected to take before it began, and how long it has worked."""

    __tablename__ = "expected_runs"
    job: Mapped[int] = mapped_column(primary_key=True)
    seconds: Mapped[float]  #: expected
    worked: Mapped[float] = mapped_column(default=0.0)  #: seconds
    told: Mapped[bool] = mapped_column(default=False)
