"""Rows of people, their tokens, and what is shared with them (`daemon.state.people`). They belong to the same schema as
those of `models`; whose a voice or a job is stands in its own row."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from daemon.database.models import Row


class Person(Row):
    """Somebody who may use this Myna besides its workstation's owner. Limits are None where there is none."""

    __tablename__ = "people"
    name: Mapped[str] = mapped_column(primary_key=True)
    rights: Mapped[int]  #: a `daemon.caller.Right`: what they may at most
    created: Mapped[datetime]
    revoked: Mapped[datetime | None]  #: since then they may nothing; voices and jobs of theirs are kept
    minutes_a_day: Mapped[float | None]  #: of speech
    gpu_minutes_a_day: Mapped[float | None]
    disk: Mapped[int | None]  #: bytes
    waiting: Mapped[int | None]  #: jobs that may wait at once


class Token(Row):
    """What proves to be a person. Only the digest of it is kept."""

    __tablename__ = "tokens"
    id: Mapped[int] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("people.name"), index=True)
    sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created: Mapped[datetime]
    expires: Mapped[datetime | None]  #: None: it does not
    revoked: Mapped[datetime | None]
    last_used: Mapped[str] = mapped_column(String(10), default="")  #: day (UTC), "2026-11-30"; empty: never


class Share(Row):
    """What a person may do with a voice of somebody else."""

    __tablename__ = "shares"
    voice: Mapped[str] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(primary_key=True)
    rights: Mapped[int]  #: a `daemon.caller.Right`
    created: Mapped[datetime]
    __table_args__ = (Index("shares_person", "person"),)


class Act(Row):
    """What a person did, or was not let do. Holds no texts and no tokens."""

    __tablename__ = "person_log"
    id: Mapped[int] = mapped_column(primary_key=True)
    time: Mapped[datetime] = mapped_column(index=True)
    person: Mapped[str]  #: empty: the workstation's owner
    rpc: Mapped[str]  #: "Jobs.Submit"
    object: Mapped[str]  #: what it was about: "anna", "job 12"; empty: nothing
    outcome: Mapped[str]  #: "OK", or gRPC's name of the error
    __table_args__ = (Index("person_log_person", "person", "id"),)
