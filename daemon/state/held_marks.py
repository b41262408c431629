"""Which clips bear the mark of being held out: those within a stretch that is (`daemon.state.holdout` decides which),
of sound that has never trained."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Clip, DatasetClip, Holdout
from daemon.state import holdout

#: Reason of a clip that is partly held out: its recording was cut again, and otherwise.
ACROSS = "across-held-out"
#: Reason of a clip that is held out where it was brought from, and has trained here.
TRAINED = "trained-before"


def mark(session: Session, voice: str, clips: Mapping[int, Sequence[Clip]], sounds: Mapping[int, str]) -> None:
    """Bring the marks of clips (by the id of their recording) up to date with what is held out. `sounds`: SHA-256 of
    the recordings. What trained before its recording came to be held out (with a package, or another voice) can judge
    nothing any more, and is to train no further."""
    stretches: dict[str, list[holdout.Span]] = defaultdict(list)
    for row in session.scalars(select(Holdout).where(Holdout.voice == voice, Holdout.held)):
        stretches[row.sha256].append((row.start, row.end))
    held = {id: stretches[sounds[id]] for id in clips if sounds[id] in stretches}
    heard = _heard(session, voice, held)
    both: set[str] = set()  # held out, and the same sound has trained
    for id, rows in clips.items():
        for clip in rows:
            span = (clip.start, clip.end)
            clip.held_out = holdout.within(span, held.get(id, ()))
            if holdout.inside(span, held.get(id, ())) and not clip.held_out:
                clip.kept, clip.reason = False, ACROSS
                clip.sentence = "It lies across the edge of a stretch that is held out."
            elif clip.held_out and (holdout.inside(span, heard.spans[id]) or clip.sha256 in heard.sounds):
                both.add(clip.sha256)
    for clip in (clip for rows in clips.values() for clip in rows if clip.sha256 in both):
        clip.kept, clip.held_out, clip.reason = False, False, TRAINED
        clip.sentence = "It is held out where it was brought from, and was trained on here before: it does neither now."


class _Heard(NamedTuple):
    """What was ever trained on, of some recordings."""

    spans: dict[int, list[holdout.Span]]  #: by the recording's id
    sounds: set[str]  #: SHA-256 of the held-out clips among them that were trained on, be it out of another recording


def _heard(session: Session, voice: str, recordings: Iterable[int]) -> _Heard:
    """What has trained of these recordings, which are held out, all or a part."""
    wanted = list(recordings)
    spans: dict[int, list[holdout.Span]] = defaultdict(list)
    if not wanted:
        return _Heard(spans, set())
    trained = select(Clip.recording, Clip.start, Clip.end).join(DatasetClip, DatasetClip.clip == Clip.id)
    trained = trained.where(Clip.recording.in_(wanted), DatasetClip.held_out.is_(False)).distinct()
    for id, start, end in session.execute(trained):
        spans[id].append((start, end))
    same = select(Clip.sha256).join(DatasetClip, DatasetClip.clip == Clip.id)
    same = same.where(Clip.voice == voice, DatasetClip.held_out.is_(False), Clip.recording.not_in(wanted))
    of_held = select(Clip.sha256).where(Clip.recording.in_(wanted), Clip.sha256 != "")
    return _Heard(spans, set(session.scalars(same.where(Clip.sha256.in_(of_held)))))
