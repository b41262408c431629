"""Rows of the database. Times are timezone-aware UTC; paths are relative to the home folder.

The schema's history is in `daemon/database/migrations`. A row never points at a file that is not complete: files are
written whole, synced and renamed into place before the row is committed."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Dialect,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: condition of a job that has not ended
LIVE = "state IN ('queued','running','paused')"
#: condition of a job that has a text still
WITH_TEXT = "has_text = 1"
#: condition of a recording that was made from another voice's clip
MADE = text("made_from != ''")


def now() -> datetime:
    """The present, UTC, with its timezone."""
    return datetime.now(UTC)


class Moment(TypeDecorator[datetime]):
    """A time, stored as whole microseconds since 1970 (UTC): sorts, compares and never loses its timezone."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without timezone must not reach the database")
        return (value - EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + timedelta(microseconds=value)


class Row(DeclarativeBase):
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: Moment, dict[str, Any]: JSON, str: Text}


def new_uuid() -> str:
    """32 hex digits that nothing else has."""
    return uuid.uuid4().hex


class Home(Row):
    """What tells this home's database from every other: one row."""

    __tablename__ = "home"
    uuid: Mapped[str] = mapped_column(primary_key=True, default=new_uuid)
    since: Mapped[
        datetime
    ]  #: when it was given; what is older was written before folders were marked (daemon/home/identity.py)


class Job(Row):
    """A unit of queued work. Read its status through `daemon.state.jobs.status_of`."""

    __tablename__ = "jobs"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(
        String(16)
    )  #: "ingest", "dataset", "derive", "train", "evaluate", "experiment", "speak", "export", "import", "fetch", …
    voice: Mapped[str]  #: empty: of no voice
    title: Mapped[str]
    spec: Mapped[bytes]  #: serialised myna.v1.JobSpec
    gpu_lane: Mapped[bool]
    priority: Mapped[int]  #: higher first
    place: Mapped[float]  #: order within a priority, lower first
    idempotency_key: Mapped[str | None] = mapped_column(unique=True)
    parent_job: Mapped[int | None]
    run: Mapped[int | None]
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(default=0)
    crashes: Mapped[int] = mapped_column(default=0)  #: attempts in a row that died without a report
    submitted: Mapped[datetime]
    queued_since: Mapped[datetime]
    started: Mapped[datetime | None]
    ended: Mapped[datetime | None]
    paused_since: Mapped[datetime | None]
    paused_by_person: Mapped[bool] = mapped_column(default=False)
    why: Mapped[str] = mapped_column(default="")  #: why it waits or is paused, or what came of it
    gpu: Mapped[bytes | None]  #: serialised myna.v1.GpuUse: where it runs or ran, or what it waits for; None: no GPU
    error_kind: Mapped[str] = mapped_column(default="")
    error_hint: Mapped[str] = mapped_column(default="")
    log_tail: Mapped[str] = mapped_column(default="")
    cancelled_by: Mapped[str] = mapped_column(default="")
    cleared: Mapped[datetime | None]  #: when a person cleared it away after it had ended
    person: Mapped[str] = mapped_column(default="")  #: who asked for it; empty: the workstation's owner, or mynad
    waits_for: Mapped[str] = mapped_column(String(16), default="")  #: a `WaitsFor` of daemon.state.status; empty: none
    behind: Mapped[bool] = mapped_column(default=False)  #: `why` names other jobs, which may be other people's
    has_text: Mapped[bool] = mapped_column(default=False)  #: a text in spec and title is not forgotten yet
    __table_args__ = (
        # the scheduler asks for waiting and running jobs only: a partial index keeps that quick beside 100,000 ended
        # ones (it is only used by queries that repeat its condition word for word)
        Index("jobs_live", "state", "gpu_lane", text("priority DESC"), "place", sqlite_where=text(LIVE)),
        Index("jobs_voice", "voice", "id"),
        Index("jobs_state", "state", "id"),
        Index("jobs_shown", "state", "id", sqlite_where=text("cleared IS NULL")),
        Index("jobs_texts", "ended", sqlite_where=text(WITH_TEXT)),
    )


class Attempt(Row):
    """One worker's try at a job."""

    __tablename__ = "attempts"
    id: Mapped[int] = mapped_column(primary_key=True)
    job: Mapped[int] = mapped_column(ForeignKey("jobs.id"), index=True)
    number: Mapped[int]  #: 1, 2, …
    pid: Mapped[int | None]
    started: Mapped[datetime]
    ended: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(default="")  #: an `Outcome` of daemon.state.status; empty while it goes on


class EventRow(Row):
    """Something that happened; `payload` is a serialised myna.v1.Event without its cursor."""

    __tablename__ = "events"
    cursor: Mapped[int] = mapped_column(primary_key=True)
    time: Mapped[datetime]
    voice: Mapped[str] = mapped_column(default="")
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    __table_args__ = ({"sqlite_autoincrement": True},)  # a cursor is never used twice, also after pruning


class Voice(Row):
    __tablename__ = "voices"
    name: Mapped[str] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(default="en")
    engine: Mapped[str] = mapped_column(default="glow")
    promoted: Mapped[int | None]  #: version number
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)  #: voice.toml: training options, promotion rule
    created: Mapped[datetime]
    deleted: Mapped[datetime | None]  #: a person deleted it; all rows and files of it are kept
    renamed_from: Mapped[str] = mapped_column(
        default=""
    )  #: its name before, while its folders are on their way; else empty
    derivation: Mapped[dict[str, Any]] = mapped_column(
        default=dict
    )  #: the voice it was made from and how it was to differ (`daemon.state.derived`); empty: it was recorded
    owner: Mapped[str | None] = mapped_column(index=True)  #: whose it is, by name; None: the workstation's owner's
    #: voiceprint of whom a person called the voice's own speaker; None: nobody did, and it is told from the recordings
    own_speaker: Mapped[bytes | None] = mapped_column(LargeBinary)
    #: the language that was heard, where voice.toml has `language = "auto"`: {"language", "probability", "seconds"};
    #: empty: not decided yet, or the language is given
    heard_language: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Recording(Row):
    """A file a person gave us, kept byte for byte, in one voice; or (`made_from`) one that was made from a clip."""

    __tablename__ = "recordings"
    id: Mapped[int] = mapped_column(primary_key=True)
    voice: Mapped[str] = mapped_column(ForeignKey("voices.name"))
    sha256: Mapped[str]
    name: Mapped[str]  #: as it was called in the inbox (printable)
    path: Mapped[str]  #: relative to home
    size: Mapped[int]  #: bytes
    seconds: Mapped[float]
    sample_rate: Mapped[int]
    channels: Mapped[int]
    codec: Mapped[str]
    text: Mapped[str | None]  #: transcript that came with it
    text_from: Mapped[str] = mapped_column(default="")
    cues: Mapped[list[Any]] = mapped_column(
        JSON, default=list
    )  #: when it is said, of subtitles: [start, end, text], seconds of the recording
    note: Mapped[str] = mapped_column(default="")
    added: Mapped[datetime]
    cut: Mapped[datetime | None]  #: when its clips were made; None: not yet
    removed: Mapped[datetime | None]  #: a person took it out of the voice; the file is kept
    made_from: Mapped[str] = mapped_column(default="")  #: SHA-256 of another voice's clip; empty: a person gave it
    #: `state.cut_settings.mark` of the settings its clips were cut by; empty: none, or a Myna cut it that noted none
    cut_by: Mapped[str] = mapped_column(default="")
    __table_args__ = (
        UniqueConstraint("voice", "sha256"),
        Index("recordings_made", "sha256", sqlite_where=MADE),
    )


class Holdout(Row):
    """Which part of a recording never trains. Decided once, from its hash; never changed or deleted, whatever becomes
    of it."""

    __tablename__ = "holdouts"
    id: Mapped[int] = mapped_column(primary_key=True)
    voice: Mapped[str]
    sha256: Mapped[str]  #: of the recording
    block: Mapped[int]  #: ten-minute block of a long recording; 0 for others
    held: Mapped[bool]
    start: Mapped[float] = mapped_column(default=0.0)  #: held stretch, seconds in the recording
    end: Mapped[float] = mapped_column(default=0.0)
    decided: Mapped[datetime]
    __table_args__ = (UniqueConstraint("voice", "sha256", "block"),)


class Clip(Row):
    """A stretch of a recording with its text; kept or dropped, always with the reason."""

    __tablename__ = "clips"
    id: Mapped[int] = mapped_column(primary_key=True)
    voice: Mapped[str]
    recording: Mapped[int] = mapped_column(ForeignKey("recordings.id"), index=True)
    sha256: Mapped[str] = mapped_column(default="")  #: of the FLAC; empty when dropped before one was written
    path: Mapped[str] = mapped_column(default="")
    start: Mapped[float]
    end: Mapped[float]
    text: Mapped[str] = mapped_column(default="")
    text_source: Mapped[str] = mapped_column(default="")
    trust: Mapped[str] = mapped_column(default="")
    kept: Mapped[bool]
    reason: Mapped[str] = mapped_column(default="")
    sentence: Mapped[str] = mapped_column(default="")
    held_out: Mapped[bool] = mapped_column(default=False)
    quality: Mapped[dict[str, Any]] = mapped_column(default=dict)
    before: Mapped[list[dict[str, Any]]] = mapped_column(
        JSON, default=list
    )  #: what it was before each change of a person, oldest first
    measured: Mapped[float | None]  #: the number that `reason` rests on, and …
    threshold: Mapped[float | None]  #: … the one it was held against; None: none
    #: serialised worker ClipFacts: what it is judged by; None: cut by a Myna that did not keep it
    facts: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    __table_args__ = (Index("clips_voice", "voice", "id"),)


class Dataset(Row):
    """An immutable, numbered set of clips of one voice."""

    __tablename__ = "datasets"
    id: Mapped[int] = mapped_column(primary_key=True)
    voice: Mapped[str] = mapped_column(ForeignKey("voices.name"))
    number: Mapped[int]
    job: Mapped[int | None]
    clips: Mapped[int]  #: kept, training
    held_out: Mapped[int]
    seconds: Mapped[float]
    held_out_seconds: Mapped[float]
    new_clips: Mapped[int]
    new_seconds: Mapped[float]
    dropped: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created: Mapped[datetime]
    __table_args__ = (UniqueConstraint("voice", "number"),)


class DatasetClip(Row):
    """A clip in a dataset, with the text it had then (a person may correct the text later: that makes a new
    dataset)."""

    __tablename__ = "dataset_clips"
    dataset: Mapped[int] = mapped_column(ForeignKey("datasets.id"), primary_key=True)
    clip: Mapped[int] = mapped_column(ForeignKey("clips.id"), primary_key=True)
    text: Mapped[str]
    held_out: Mapped[bool]
    is_new: Mapped[bool]


class Run(Row):
    """One training, over all its attempts."""

    __tablename__ = "runs"
    id: Mapped[int] = mapped_column(primary_key=True)
    voice: Mapped[str] = mapped_column(index=True)
    engine: Mapped[str]
    job: Mapped[int]
    dataset: Mapped[int]  #: number
    from_version: Mapped[int] = mapped_column(default=0)  #: 0: the base
    to_version: Mapped[int] = mapped_column(default=0)  #: number reserved for the candidate
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    step: Mapped[int] = mapped_column(default=0)
    steps: Mapped[int] = mapped_column(default=0)
    best_step: Mapped[int] = mapped_column(default=0)
    best_loss: Mapped[float | None]
    result: Mapped[dict[str, Any]] = mapped_column(default=dict)
    started: Mapped[datetime | None]
    ended: Mapped[datetime | None]
    uuid: Mapped[str] = mapped_column(
        default=new_uuid
    )  #: also in its folder and in its version's: see daemon/home/identity.py


class SeriesRow(Row):
    """The name of a series of metric points."""

    __tablename__ = "series"
    id: Mapped[int] = mapped_column(primary_key=True)
    run: Mapped[int]
    name: Mapped[str]
    __table_args__ = (UniqueConstraint("run", "name"),)


class PointRow(Row):
    """A metric point. `id` is the cursor of watchers; the same (series, step) after a resume replaces the value and
    keeps the id."""

    __tablename__ = "points"
    id: Mapped[int] = mapped_column(primary_key=True)
    series: Mapped[int]
    step: Mapped[int]
    value: Mapped[float | None]  #: None: not a number
    __table_args__ = (UniqueConstraint("series", "step"),)


class Version(Row):
    """A trained checkpoint of a voice."""

    __tablename__ = "versions"
    id: Mapped[int] = mapped_column(primary_key=True)
    voice: Mapped[str] = mapped_column(ForeignKey("voices.name"))
    number: Mapped[int]
    parent: Mapped[int]  #: 0: the base
    dataset: Mapped[int]
    run: Mapped[int]
    engine: Mapped[str]
    kind: Mapped[str]  #: a `VersionKind`
    state: Mapped[str]  #: a `VersionState`
    metrics: Mapped[dict[str, Any]] = mapped_column(
        default=dict
    )  #: its scores, and what was decided (`daemon.state.verdict`)
    verdict: Mapped[str] = mapped_column(default="")
    licence: Mapped[str] = mapped_column(default="")
    path: Mapped[str]
    size: Mapped[int]
    created: Mapped[datetime]
    adopted: Mapped[
        datetime | None
    ]  #: when its folder or package was taken in; None: it was trained under this database
    sound: Mapped[dict[str, Any]] = mapped_column(default=dict)  #: an `engines.own_sound.OwnSound`; empty: not known
    __table_args__ = (UniqueConstraint("voice", "number"),)


class Promotion(Row):
    """A change of a voice's promoted version, so that rolling back knows where to."""

    __tablename__ = "promotions"
    id: Mapped[int] = mapped_column(primary_key=True)
    voice: Mapped[str] = mapped_column(index=True)
    version: Mapped[int | None]  #: None: rolled back to the base
    previous: Mapped[int | None]
    by: Mapped[str]  #: "score", "a person", "rollback"
    time: Mapped[datetime]


class Evaluation(Row):
    """Scores of a version (0: the base) on a voice's held-out lines."""

    __tablename__ = "evaluations"
    id: Mapped[int] = mapped_column(primary_key=True)
    voice: Mapped[str]
    version: Mapped[int]
    against: Mapped[int]
    job: Mapped[int]
    metrics: Mapped[dict[str, Any]] = mapped_column(default=dict)
    against_metrics: Mapped[dict[str, Any]] = mapped_column(default=dict)
    recording_metrics: Mapped[dict[str, Any]] = mapped_column(default=dict)
    report: Mapped[dict[str, Any]] = mapped_column(default=dict)
    better: Mapped[bool]
    verdict: Mapped[str]
    time: Mapped[datetime]
    __table_args__ = (Index("evaluations_version", "voice", "version"),)


class Consent(Row):
    """Somebody accepted an engine's licence."""

    __tablename__ = "consents"
    engine: Mapped[str] = mapped_column(primary_key=True)
    licence: Mapped[str]
    by: Mapped[str]
    time: Mapped[datetime]
