"""Giving a voice the datasets of others: rows only, since the files are those that lie in the home already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from daemon import names
from daemon.database.store import caller_of
from daemon.errors import BadRequest
from daemon.home import journal
from daemon.state import accounts, clip_refs, consent_notes, datasets, packing, quota_words, unpacking, voices
from daemon.state.quotas import Use
from daemon.state.unpacking import Stored
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

#: Voices that are merged at once, at most.
SOURCES_LIMIT = 100


def sources(session: Session, request: pb.MergeRequest) -> list[wire.PackedDataset]:
    """The newest dataset of each voice that is asked for. Raises BadRequest, NotFound and NotNow."""
    voices_asked, into = list(dict.fromkeys(request.voices)), names.check_voice(request.into)
    if not voices_asked or len(voices_asked) > SOURCES_LIMIT:
        raise BadRequest(f"{len(voices_asked)} voices were given to be merged.", f"Name 1 to {SOURCES_LIMIT}.")
    if into in voices_asked:
        raise BadRequest(f"{into} cannot be merged into itself.", "It keeps what it has: name only the others.")
    if consent_notes.current(session, into) is not None:  # which does not speak of the others
        for name in voices_asked:
            consent_notes.check(session, voices.get(session, name).name)
    return [
        packing.packed(session, voices.get(session, name), clip_refs.dataset(session, name)) for name in voices_asked
    ]


def merge(
    session: Session, into: str, given: Sequence[wire.PackedDataset], room: Use | None = None
) -> tuple[pb.MergeResponse, list[journal.Entry]]:
    """All of it, or nothing. The voice is made if there is none of that name, of the language and engine of the first.
    `room`: of the disk of whoever's the voice is; None: without a limit. Returns the answer, and what the journal is to
    keep. Raises NotFound, NotNow and QuotaReached."""
    before = accounts.disk_of(session, into)
    answer = pb.MergeResponse()
    entries: list[journal.Entry] = []
    for packed in given:
        stored = unpacking.store(session, into, packed)
        answer.sources.append(_told(packed, stored))
        new = set(stored.new)
        entries += [one for one in journal.Entry.given(into, packed) if one.sha256 in new]
        session.flush()
    more = accounts.disk_of(session, into) - before
    if room is not None and more and (use := replace(room, more=more)).reached:
        raise quota_words.refusal(use, caller_of(session))
    made = datasets.build(session, into)
    newest = made or datasets.last(session, into)
    if newest is not None:
        answer.dataset.CopyFrom(datasets.message(newest))
    answer.dataset.voice = into
    answer.dataset.sentence = _sentence(session, into, new=made is not None)
    return answer, entries


def _told(packed: wire.PackedDataset, stored: Stored) -> pb.MergedSource:
    return pb.MergedSource(
        voice=packed.voice,
        number=packed.number,
        recordings=len(stored.new),
        known=stored.known,
        clips=stored.training,
        held_out=stored.held_out,
        dropped=stored.dropped,
    )


def _sentence(session: Session, into: str, *, new: bool) -> str:
    if (waiting := unpacking.why_waiting(session, into)) != "":
        return waiting
    if not new:
        return f"Nothing new: {into} has all of it already."
    newest = datasets.last(session, into)
    return datasets.said(newest) if newest is not None else ""
