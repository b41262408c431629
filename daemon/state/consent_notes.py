"""Consent notes: whose voice a voice is, and that it may be used, in the words of whoever knows. Each that was ever
written is kept, with who wrote it and when; the newest holds. A derived voice without one has its parent's.

Where the site wants it (`[consent] required`), a voice without a note is not trained, does not speak and is not
exported; recordings are taken and datasets made all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from daemon.database.consent_rows import VoiceConsent
from daemon.database.models import Recording, Voice, now
from daemon.database.store import settings_of
from daemon.errors import BadRequest, NotNow
from daemon.home import consent_file
from daemon.home.consent_file import Note
from daemon.state.stamp import stamp
from proto import myna_pb2 as pb

#: Characters of a note, at most; notes that are listed; voices that are each derived from the next.
LONGEST, LISTED, GENERATIONS = 2_000, 1_000, 100


def current(session: Session, voice: str) -> VoiceConsent | None:
    """The note that holds for a voice; None: nobody wrote one."""
    for _ in range(GENERATIONS):
        newest = select(VoiceConsent).where(VoiceConsent.voice == voice).order_by(VoiceConsent.id.desc()).limit(1)
        if (found := session.scalars(newest).first()) is not None:
            return found
        row = session.get(Voice, voice)
        voice = str(row.derivation.get("voice", "")) if row is not None else ""
        if not voice:
            break
    return None


def history(session: Session, voice: str) -> Sequence[VoiceConsent]:
    """The voice's own notes, newest first, as many as are listed."""
    newest_first = select(VoiceConsent).where(VoiceConsent.voice == voice).order_by(VoiceConsent.id.desc())
    return session.scalars(newest_first.limit(LISTED)).all()


def is_required(session: Session) -> bool:
    """Whether the site wants a note of every voice."""
    return settings_of(session).consent.required


def is_missing(session: Session, voice: str) -> bool:
    """Whether the site wants a note, and there is none."""
    return is_required(session) and current(session, voice) is None


def check(session: Session, voice: str) -> None:
    """Raises NotNow where the site wants a note, and there is none."""
    if is_missing(session, voice):
        raise NotNow(
            f"{voice} has no consent note, and this site wants one of every voice.", f"Write it: {_how(voice)}."
        )


def why_not(session: Session, voice: str) -> str:
    """The same for a sentence that goes on: what a voice waits for; empty: nothing of the kind."""
    return f"its consent note: {_how(voice)}" if is_missing(session, voice) else ""


def asks(session: Session, voice: str) -> bool:
    """Whether a person who adds recordings should be asked: nobody wrote a note, and the voice is new or the site wants
    one."""
    if current(session, voice) is not None:
        return False
    count = session.scalar(select(func.count()).select_from(Recording).where(Recording.voice == voice)) or 0
    return is_required(session) or not count


def checked(text: str) -> str:
    """A note as it is kept: on one line. Raises BadRequest for none, and for one that is too long."""
    words = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    if not words:
        raise BadRequest("The consent note is empty.", 'Say whose voice it is: "Anna Berg, recorded with her consent".')
    if len(words) > LONGEST:
        raise BadRequest(f"The consent note has {len(words):,} characters.", f"Use at most {LONGEST:,}.")
    return words


def write(session: Session, voice: str, text: str, by: str, time: datetime | None = None) -> VoiceConsent:
    """Keep a note; the same again by the same person changes nothing. Raises BadRequest."""
    text = checked(text)
    before = next(iter(history(session, voice)), None)
    if before is not None and (before.text, before.by) == (text, by):
        return before
    row = VoiceConsent(voice=voice, text=text, by=by, time=time or now())
    session.add(row)
    session.flush()
    return row


def message(row: VoiceConsent) -> pb.ConsentNote:
    """The note on the wire."""
    return pb.ConsentNote(text=row.text, by=row.by, time=stamp(row.time), voice=row.voice)


def plain(session: Session, voice: str) -> dict[str, Any] | None:
    """What the reports of a voice's versions tell of its note; None: there is none."""
    row = current(session, voice)
    return asdict(noted(row)) if row is not None else None


def noted(row: VoiceConsent) -> Note:
    """The note as the file beside the recordings has it."""
    return Note(row.voice, row.text, row.by, row.time.isoformat())


def unwritten(session: Session, home: Path) -> list[Note]:
    """Notes that `recordings/consent.jsonl` lacks."""
    known = set(consent_file.read(home))
    rows = session.scalars(select(VoiceConsent).order_by(VoiceConsent.id))
    return [note for note in map(noted, rows) if note not in known]


def take_in(session: Session, home: Path) -> None:
    """Notes of voices that this database knows, and of which it has no note: those of one that was lost."""
    known = set(session.scalars(select(VoiceConsent.voice).distinct()))
    there = set(session.scalars(select(Voice.name)))
    for note in consent_file.read(home):
        if note.voice in there - known:
            session.add(VoiceConsent(voice=note.voice, text=note.text, by=note.by, time=note.when))
    session.flush()


def _how(voice: str) -> str:
    return f'`myna voices consent {voice} "WHOSE VOICE IT IS"`'
