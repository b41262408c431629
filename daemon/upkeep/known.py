"""What a database says of the files of its home: asked of a copy, or of the database itself in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from daemon.database.models import LIVE, Clip, Home, Job, Recording, Run, Version, Voice
from daemon.home.imports import FOLDER as IMPORTS
from daemon.state import incoming
from daemon.state.status import State
from daemon.state.values import VersionState
from daemon.upkeep.values import Sort
from engines import registry


@dataclass(frozen=True)
class Named:
    """A file that a row names."""

    sort: Sort
    path: str  #: relative to the home
    row: str  #: whose it is, for people
    size: int | None = None  #: None: not in the row
    sha256: str | None = None
    recording: int = 0  #: of a clip: the row it can be cut from again; 0: none


@dataclass(frozen=True)
class Numbered:
    """A version, and where its folder is."""

    voice: str
    number: int
    path: str
    purged: bool


@dataclass(frozen=True)
class Known:
    """All of it."""

    home: str  #: UUID
    named: tuple[Named, ...]
    versions: tuple[Numbered, ...]
    runs: frozenset[int]  #: all there are
    live: dict[int, int]  #: those that have not ended → the last step the database has of each
    voices: frozenset[str]  #: deleted ones too
    moving: frozenset[str]  #: voices whose folders are on their way to another name: both names
    since: int  #: nanoseconds since 1970 when the oldest job that makes files began; 0: none is at work
    engines: frozenset[str]  #: of voices and versions
    paths: frozenset[str]  #: that rows name
    numbers: frozenset[tuple[str, int]]  #: (voice, number) of every version, and of those that are to come

    @classmethod
    def of(cls, session: Session) -> Known:
        runs = {run: step for run, step in session.execute(select(Run.id, Run.step)).tuples()}  # noqa: C416
        at_work = list(session.scalars(select(Job).where(text(LIVE))))
        working = {job.run for job in at_work if job.run is not None}
        voices = list(session.scalars(select(Voice)))
        versions = tuple(
            Numbered(row.voice, row.number, row.path, row.state == VersionState.PURGED)
            for row in session.scalars(select(Version).order_by(Version.voice, Version.number))
        )
        reserved = select(Run.voice, Run.to_version).where(Run.id.in_(working), Run.to_version > 0)
        to_come = frozenset(session.execute(reserved).tuples())
        named = tuple(_named(session))
        began = [job.started for job in at_work if job.state != State.QUEUED and job.started is not None]
        used = {voice.engine for voice in voices} | set(session.scalars(select(Version.engine).distinct()))
        return cls(
            home=session.scalars(select(Home)).one().uuid,
            named=named,
            versions=versions,
            runs=frozenset(runs),
            live={run: runs[run] for run in working if run in runs},
            voices=frozenset(voice.name for voice in voices),
            moving=frozenset(
                name for voice in voices if voice.renamed_from for name in (voice.name, voice.renamed_from)
            ),
            since=min((int(each.timestamp() * 1e9) for each in began), default=0),
            engines=frozenset(used),
            paths=frozenset(one.path for one in named),
            numbers=to_come | {(one.voice, one.number) for one in versions},
        )

    def bases(self) -> tuple[str, ...]:
        """Engines that these voices need a base for which does not come with Myna."""
        return tuple(sorted(name for name in self.engines if name in registry.ENGINES and registry.info(name).weights))


def _named(session: Session) -> Iterator[Named]:
    given = select(Recording.id, Recording.voice, Recording.path, Recording.size, Recording.sha256, Recording.made_from)
    for id, voice, path, size, sha256, made_from in session.execute(given.execution_options(yield_per=1_000)).tuples():
        if not made_from:  # else it has no file but its clip's
            yield Named(Sort.RECORDING, path, f"recording {id} of {voice}", size, sha256)
    kept = select(Clip.id, Clip.voice, Clip.path, Clip.sha256, Clip.recording).where(Clip.path != "")
    for id, voice, path, sha256, recording in session.execute(kept.execution_options(yield_per=1_000)).tuples():
        yield Named(Sort.CLIP, path, f"clip {id} of {voice}", None, sha256, recording)
    for name in sorted(filter(None, incoming.packages(session))):
        yield Named(Sort.PACKAGE, f"{IMPORTS}/{name}", "a job that waits")
