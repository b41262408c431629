"""Which versions may lose their weights, and the rows of those that do. Their files: `daemon.home.purging`.

A version that is archived or rejected may, unless a version that stays is loaded onto it, or a job works with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from daemon.database.models import LIVE, Job, Run, Version
from daemon.errors import BadRequest, NotNow
from daemon.state import paging, voices
from daemon.state.values import VersionKind, VersionState
from proto import myna_pb2 as pb

#: States whose versions can be purged.
STATES = (VersionState.ARCHIVED, VersionState.REJECTED)


class Reason(StrEnum):
    """Why a version keeps its weights."""

    PROMOTED = "promoted"
    CANDIDATE = "candidate"
    PURGED = "purged"
    NEEDED = "needed"
    AT_WORK = "at-work"
    WAY_BACK = "way-back"
    NOT_ITS_OWN = "not-its-own"


@dataclass(frozen=True)
class Left:
    """A version that keeps its weights, and why."""

    voice: str
    number: int
    reason: Reason
    other: str = ""  #: what it is kept for: "anna@5", "job #12 (score anna v3)"; or where it lies
    job: int = 0

    @property
    def name(self) -> str:
        return voices.spelt(self.voice, self.number)

    @property
    def words(self) -> tuple[str, str]:
        """(sentence, what to do)."""
        match self.reason:
            case Reason.PROMOTED:
                hint = f"Promote another one or `myna rollback {self.voice}` first."
                return f"{self.name} is the active version: it cannot be purged.", hint
            case Reason.CANDIDATE:
                sentence = f"{self.name} is a candidate; only archived and rejected versions can be purged."
                return sentence, f"`myna archive {self.name}` first."
            case Reason.PURGED:
                return f"{self.name} was purged already.", ""
            case Reason.NEEDED:
                sentence = f"{self.name} cannot be purged: {self.other} holds adapters only, and is loaded onto it."
                return sentence, f"Purge {self.other} with it, or keep both."
            case Reason.AT_WORK:
                hint = f"Wait until it has ended, or `myna cancel {self.job}`; then try again."
                return f"{self.name} cannot be purged now: {self.other} needs it.", hint
            case Reason.WAY_BACK:
                sentence = f"{self.name} is what `myna rollback {self.voice}` goes back to."
                return sentence, f"`myna purge {self.name}` purges it all the same."
            case Reason.NOT_ITS_OWN:
                return f"{self.other} is not the folder of {self.name}.", "Put the version's own folder back."


def named(session: Session, voice: str, numbers: Sequence[int], home: Path) -> list[Version]:
    """These versions. Raises NotFound, and NotNow if one of them cannot be purged."""
    chosen = [voices.version(session, voice, number) for number in dict.fromkeys(numbers)]
    left = [_state(session, row) or _foreign(session, row, home) for row in chosen]
    for one in (*left, *_kept(session, voice, chosen)):
        if one is not None:
            raise NotNow(*one.words)
    return chosen


def in_states(session: Session, voice: str, states: Sequence[str], home: Path) -> tuple[list[Version], list[Left]]:
    """(those in these states that can be purged, the others of them and why not). What rolling back goes to is one of
    the others: who wants that gone names it. Raises NotFound, BadRequest for a state that is none of STATES."""
    owner = voices.get(session, voice)
    if not states or (unknown := sorted(set(states) - set(STATES))):
        sentence = f"Versions that are {unknown[0]} cannot be purged." if states else "Nothing to purge was named."
        raise BadRequest(sentence, f"Name versions, or {' or '.join(STATES)}.")
    chosen = list(
        session.scalars(
            select(Version).where(Version.voice == voice, Version.state.in_(set(states))).order_by(Version.number)
        )
    )
    present = voices.promoted(session, owner)
    back = voices.way_back(session, present) if present is not None else None
    left = [found for row in chosen if (found := _foreign(session, row, home)) is not None]
    if back is not None and back in chosen:
        left.append(Left(voice, back.number, Reason.WAY_BACK))
    chosen = [row for row in chosen if row.number not in {one.number for one in left}]
    while kept := _kept(session, voice, chosen):  # what one that stays is loaded onto stays, too
        left += kept
        chosen = [row for row in chosen if row.number not in {one.number for one in kept}]
    return chosen, sorted(left, key=lambda one: one.number)


def purge(session: Session, voice: str, sizes: dict[int, int], home: Path) -> None:
    """These versions (number → bytes that stay of each) have no weights from now on. Raises as `named` does; then
    nothing is changed."""
    for row in named(session, voice, list(sizes), home):
        row.state, row.size = VersionState.PURGED, sizes[row.number]
        voices.emit_version(session, row)


def at_work(session: Session, voice: str) -> dict[int, Job]:
    """Versions that a job needs that has not ended."""
    found: dict[int, Job] = {}
    mine = or_(Job.voice == voice, Job.kind == "evaluate")
    for job in session.scalars(select(Job).where(text(LIVE), mine).order_by(Job.id)):
        run = session.get(Run, job.run) if job.run is not None else None
        numbers = [
            *_asked(pb.JobSpec.FromString(job.spec), voice),
            *((run.from_version, run.to_version) if run else ()),
        ]
        for number in numbers:
            found.setdefault(number, job)
    return found


def _asked(spec: pb.JobSpec, voice: str) -> list[int]:
    """Versions of a voice that a job is told to use."""
    match spec.WhichOneof("spec"):
        case "speak":
            return [spec.speak.version]
        case "evaluate":
            asked = spec.evaluate
            both = (asked.voice, asked.version), (asked.against_voice or asked.voice, asked.against)
            return [number for whose, number in both if whose == voice]
        case "export":
            return [spec.export.version]
        case "push":
            return [spec.push.version]
        case "train":
            return [paging.whole(getattr(spec.train, "from").removeprefix("v")) or 0]
    return []


def _state(session: Session, row: Version) -> Left | None:
    if row.number == voices.get(session, row.voice).promoted:
        return Left(row.voice, row.number, Reason.PROMOTED)
    if row.state in STATES:
        return None
    reason = Reason.PURGED if row.state == VersionState.PURGED else Reason.CANDIDATE
    return Left(row.voice, row.number, reason)


def _foreign(session: Session, row: Version, home: Path) -> Left | None:
    try:
        voices.own_folder(session, row, home)
    except NotNow:
        return Left(row.voice, row.number, Reason.NOT_ITS_OWN, str(home / row.path))
    return None


def _kept(session: Session, voice: str, chosen: Sequence[Version]) -> list[Left]:
    """Those of the chosen that must stay while all others do."""
    left, jobs = [], at_work(session, voice)
    needed = _loaded_onto(session, voice, {row.number for row in chosen})
    for row in chosen:
        if (job := jobs.get(row.number)) is not None:
            told = f"job #{job.id} ({job.title})"
            left.append(Left(voice, row.number, Reason.AT_WORK, told, job.id))
        elif row.number in needed:
            left.append(Left(voice, row.number, Reason.NEEDED, voices.spelt(voice, needed[row.number])))
    return left


def _loaded_onto(session: Session, voice: str, gone: set[int]) -> dict[int, int]:
    """Version → one that stays and is loaded onto it: adapters hold what was learnt since their parent, and so on down
    to a version that is whole."""
    rows = {row.number: row for row in session.scalars(select(Version).where(Version.voice == voice))}
    found: dict[int, int] = {}
    for row in rows.values():
        if row.number in gone or row.state == VersionState.PURGED:
            continue
        below: Version | None = row
        passed = {row.number}
        while below is not None and below.kind == VersionKind.LORA and below.parent not in passed:
            passed.add(below.parent)
            found.setdefault(below.parent, row.number)
            below = rows.get(below.parent)
    return found
