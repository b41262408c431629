"""Consent notes of voices: read, and written with what follows from one where the site wants it."""

from __future__ import annotations

import asyncio
import getpass
from pathlib import Path

from sqlalchemy.orm import Session

from daemon import names
from daemon.database.models import Voice
from daemon.database.store import Store, caller_of
from daemon.home import consent_file
from daemon.home.consent_file import Note
from daemon.kinds.dataset import following
from daemon.kinds.lifecycle import Lifecycle
from daemon.settings import Settings
from daemon.state import consent_notes, recordings, voices
from proto import myna_pb2 as pb


async def write(
    store: Store, home: Path, lifecycle: Lifecycle, settings: Settings, request: pb.SetConsentRequest
) -> pb.ConsentNote:
    """Keep a note, also of a voice whose recordings are still to come (a person's voice is made at once, so that it is
    theirs, and the note with it); a training that the site held back for want of it begins. Raises BadRequest, and
    NotFound or NotNow for a voice that was deleted or is being renamed, and for a name that is not free."""

    def act(session: Session) -> tuple[pb.ConsentNote, Note]:
        voices.check_new(session, names.check_voice(request.voice))
        recordings.claim(session, request.voice, settings)
        return put(session, request.voice, request.text, lifecycle, settings)

    answer, note = await store.write(act)
    await asyncio.to_thread(consent_file.add, home, [note])
    return answer


def put(
    session: Session, voice: str, text: str, lifecycle: Lifecycle, settings: Settings
) -> tuple[pb.ConsentNote, Note]:
    """Keep a note: (as it is told, as the file beside the recordings has it). Raises BadRequest."""
    missing = consent_notes.is_missing(session, voice)
    row = consent_notes.write(session, voice, text, caller_of(session).name or getpass.getuser())
    known = session.get(Voice, voice)
    if known is not None:
        if missing:
            lifecycle.follow(session, following.after_consent(session, known, settings))
        voices.emit_voice(session, known)
    return consent_notes.message(row), consent_notes.noted(row)


def told(session: Session, voice: str) -> pb.ConsentNotesResponse:
    """All notes of a voice, and whether a person should be asked for one."""
    names.check_voice(voice)
    own = consent_notes.history(session, voice)
    held = consent_notes.current(session, voice)
    shown = own or ([held] if held is not None else [])
    return pb.ConsentNotesResponse(
        notes=map(consent_notes.message, shown),
        asks=consent_notes.asks(session, voice),
        required=consent_notes.is_required(session),
    )
