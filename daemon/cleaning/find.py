"""What may go: looks at rows and files, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from daemon.cleaning.values import Removal, What, Why
from daemon.database.models import LIVE, Job, Run, Version, Voice
from daemon.errors import MynaError
from daemon.home import run_folder
from daemon.keep_settings import Keep
from daemon.package.formats import MYNA
from daemon.state import purgeable, voices
from daemon.state.remote_voices import FOLDER as REMOTE
from daemon.state.status import State
from daemon.state.values import VersionState
from engines.remote.cache import ENDING as SOUND

#: Packages that are younger than this stay even when the disk is short: somebody is fetching them.
FRESH = timedelta(hours=6)
#: kinds of jobs that read features
READS_FEATURES = ("train", "export", "experiment", "evaluate")


def aged(session: Session, home: Path, keep: Keep, moment: datetime) -> list[Removal]:
    """What is older than `keep` says at this moment, but texts (`daemon.state.spoken_texts`)."""
    found: list[Removal] = []
    if keep.logs_days:
        found += _logs(session, home, moment - timedelta(days=keep.logs_days))
    if keep.packages_days:
        found += _packages(home, moment - timedelta(days=keep.packages_days), Why.AGE)
    if keep.checkpoints_days:
        found += checkpoints(session, home, moment - timedelta(days=keep.checkpoints_days), Why.AGE)
    if keep.rejected_days:
        found += _rejected(session, home, moment - timedelta(days=keep.rejected_days), Why.AGE)
    return found


def short(session: Session, home: Path, what: What, moment: datetime) -> list[Removal]:
    """What of this kind may go when the disk is short, the oldest first."""
    match what:
        case What.PACKAGE:
            return list(_packages(home, moment - FRESH, Why.DISK))
        case What.FEATURES:
            return list(_features(session, home))
        case What.CHECKPOINTS:
            return list(checkpoints(session, home, moment, Why.DISK))
        case What.REJECTED:
            return list(_rejected(session, home, moment, Why.DISK))
    return []


def checkpoints(session: Session, home: Path, before: datetime, why: Why) -> Iterator[Removal]:
    """Of trainings that failed or were cancelled before that moment: these, and what else only a run that goes on
    needs."""
    ended = (
        select(Run.id, Job.ended)
        .join(Job, Job.id == Run.job)
        .where(Job.state.in_((State.FAILED, State.CANCELLED)), Job.ended < before)
        .order_by(Job.ended)
    )
    for run, _ in session.execute(ended):
        folder = home / "runs" / str(run)
        for place in (*run_folder.half(folder), *run_folder.only_to_go_on(folder)):
            yield Removal(What.CHECKPOINTS, why, f"run {run}", place, run)


def still_ended(session: Session, run: int) -> bool:
    """Whether the run's training has failed or is cancelled still: nobody tries it again."""
    state = session.scalar(select(Job.state).join(Run, Run.job == Job.id).where(Run.id == run))
    return state in (State.FAILED, State.CANCELLED)


def _logs(session: Session, home: Path, before: datetime) -> Iterator[Removal]:
    for path, made in _files(home / "log", "job-*.jsonl"):
        number = path.stem.removeprefix("job-")
        if made >= before.timestamp() or not number.isdecimal():
            continue
        job = session.get(Job, int(number))
        if job is not None and job.ended is not None and job.ended < before:
            yield Removal(What.LOG, Why.AGE, path.name, path, job.id)


def _packages(home: Path, before: datetime, why: Why) -> Iterator[Removal]:
    there = [*_files(home / "exports", "*.tar"), *_files(home / "exports", f"*{MYNA}")]
    for path, made in sorted(there, key=lambda one: one[1]):
        if made < before.timestamp() and not path.name.startswith("."):
            yield Removal(What.PACKAGE, why, path.name, path)


def spoken_elsewhere(home: Path, before: datetime) -> list[Path]:
    """Sound of texts that an engine elsewhere spoke, not heard since that moment."""
    there = (one for folder in _folders(home / REMOTE) for one in _files(folder, f"*{SOUND}"))
    return [path for path, heard in there if heard < before.timestamp()]


def _features(session: Session, home: Path) -> Iterator[Removal]:
    """A cache; not while a job is at work that may read it."""
    at_work = text("state IN ('running','paused')")
    if session.scalar(select(Job.id).where(text(LIVE), at_work, Job.kind.in_(READS_FEATURES)).limit(1)) is not None:
        return
    for folder in _folders(home / "features"):
        yield Removal(What.FEATURES, Why.DISK, f"features/{folder.name}", folder)


def _rejected(session: Session, home: Path, before: datetime, why: Why) -> Iterator[Removal]:
    """Weights of rejected versions that no version that stays is loaded onto, and that no job works with. Of a voice
    that was deleted nothing goes, nor of one that is being renamed."""
    there = Voice.deleted.is_(None), Voice.renamed_from == ""
    owned = select(Version.voice).join(Voice, Voice.name == Version.voice)
    owners = set(session.scalars(owned.where(Version.state == VersionState.REJECTED, *there)))
    for voice in sorted(owners):
        chosen, _ = purgeable.in_states(session, voice, [VersionState.REJECTED], home)
        for row in sorted(chosen, key=lambda one: one.created):
            if row.created < before:
                name = voices.spelt(row.voice, row.number)
                with suppress(MynaError):  # another's folder: it is left alone
                    folder = voices.own_folder(session, row, home)
                    yield Removal(What.REJECTED, why, name, folder, row.number, row.voice)


def _files(folder: Path, pattern: str) -> Iterable[tuple[Path, float]]:
    """Plain files, with the time each was last written."""
    for path in sorted(folder.glob(pattern)):
        with suppress(OSError):
            if path.is_file() and not path.is_symlink():
                yield path, path.stat().st_mtime


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:
        return []
