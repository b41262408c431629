"""Whether a voice's next dataset is still to come, so that a training which takes the newest one waits for it."""

from __future__ import annotations

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from daemon.database.models import LIVE, Job
from daemon.state import datasets, recordings
from daemon.state.status import State

#: Kinds of jobs after which there is another dataset.
MAKERS = ("ingest", "dataset", "derive", "import")


def at_work(session: Session, voice: str) -> Job | None:
    """The job that takes recordings or makes a dataset of them, if there is one that no person holds back."""
    live = select(Job).where(text(LIVE), Job.voice == voice, Job.kind.in_(MAKERS)).order_by(Job.id)
    return session.scalars(live.where(Job.paused_by_person.is_(False))).first()


def wanted(session: Session, voice: str) -> bool:
    """Whether recordings are not cut yet, or texts or clips were changed after the newest dataset."""
    return recordings.count_uncut(session, voice) > 0 or datasets.is_outdated(session, voice)


def gave_up(session: Session, voice: str) -> Job | None:
    """The last job that was to make a dataset, if it failed or was cancelled and nothing was added since: somebody has
    to look at it. A full disk is no reason to give up; but of a derived voice, half is no dataset."""
    last = session.scalars(
        select(Job).where(Job.voice == voice, Job.kind.in_(("dataset", "derive"))).order_by(Job.id.desc()).limit(1)
    ).first()
    if last is None or last.state not in (State.FAILED, State.CANCELLED):
        return None
    if last.kind == "dataset" and last.error_kind == "disk-full":
        return None
    return None if any(recording.added >= last.submitted for recording in recordings.uncut(session, voice)) else last


def why_wait(session: Session, voice: str) -> str:
    """Why a training waits for the dataset to come; empty: there is nothing to wait for. The inbox makes what is wanted
    (`daemon.inbox.next_step`), unless that was given up."""
    if (job := at_work(session, voice)) is not None:
        made = f"dataset #{datasets.next_number(session, voice)}" if job.kind == "dataset" else f"{job.kind} #{job.id}"
        return f"waits for {made}: the newest clips of {voice} are not in a dataset yet"
    if not wanted(session, voice) or gave_up(session, voice) is not None:
        return ""
    what = "recordings are not cut yet" if recordings.count_uncut(session, voice) else "clips were changed"
    return f"waits for dataset #{datasets.next_number(session, voice)}: {what}"
