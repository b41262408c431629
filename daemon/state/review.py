"""The clips of a voice that are most likely to be wrong, for a person to review: kept ones that may be wrong, and
dropped ones that may be right. What a person has decided is not among them; nothing is heard again, and nothing is
changed by asking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from daemon.database.models import Clip, Recording, Voice
from daemon.state import judging, paging, voices
from daemon.state.judging import StoredClip
from engines.judging import doubt
from engines.judging import verdict as alone
from engines.judging.doubt import DOUBTFUL, Sign
from engines.judging.doubt_sentences import say_doubt, title
from engines.judging.limits import Limits
from engines.judging.reasons import Reason
from engines.judging.verdict import Verdict
from proto import myna_pb2 as pb

#: Makes the message of a clip.
ClipMessage = Callable[[Clip, Recording], pb.Clip]
#: Doubts are told apart, and clips put in order, by so many steps from 0 to 1.
_STEPS = 1_000_000
#: Bits of a page's token that are a clip's id.
_ID_BITS = 40


@dataclass(frozen=True)
class Doubtful:
    """A clip to review."""

    clip: StoredClip
    signs: tuple[Sign, ...]  #: the gravest first
    doubt: float  #: 0…1

    @property
    def place(self) -> int:
        """Where it stands: the most doubtful first, then as they came."""
        return round((1 - self.doubt) * _STEPS) << _ID_BITS | self.clip.row.id


def queue(session: Session, owner: Voice) -> list[Doubtful]:
    """What is left to review of a voice, the most doubtful first."""
    clips = judging.stored(session, owner.name)
    limits = judging.limits_of(owner)
    kept = [clip.beside for clip in clips if clip.row.kept]
    aligned = any(clip.facts.quality.text_fit is not None for clip in clips)
    own = judging.who_speaks(clips, owner, limits).own
    usual = doubt.usual(kept, [clip.beside for clip in clips], limits, own, aligned=aligned)
    found = []
    for clip in clips:
        if clip.by_person or not clip.row.sha256:
            continue  # decided; or there is nothing to hear
        if clip.row.kept:
            signs = doubt.of_kept(clip.beside, clip.facts, usual, limits)
        else:
            signs = doubt.of_dropped(_wrong(clip, owner, limits))
        if (whole := doubt.total(signs)) >= DOUBTFUL:
            found.append(Doubtful(clip, tuple(signs), whole))
    return sorted(found, key=lambda one: one.place)


def reply(session: Session, voice: str, size: int, after: int, message: ClipMessage) -> pb.ReviewResponse:
    """A page of what is left to review, behind that place (0: from the start). Raises NotFound."""
    every = queue(session, voices.get(session, voice))
    rows, more = paging.cut([one for one in every if one.place > after][: size + 1], size, lambda one: one.place)
    return pb.ReviewResponse(
        clips=[_told(session, one, message) for one in rows],
        next_token=more,
        left=len(every),
    )


def _wrong(clip: StoredClip, owner: Voice, limits: Limits) -> Sequence[Verdict]:
    """All that is wrong with a dropped clip by itself, and what it was dropped for."""
    row = clip.row
    if row.reason not in judging.DECIDED:
        return []
    lengths, language = judging.clip_lengths(owner), voices.language(owner.language)
    found = list(alone.broken(clip.facts, lengths, language, limits))
    if all(verdict.reason != row.reason for verdict in found):  # beside the rest of the voice
        found.append(Verdict(Reason(row.reason), row.measured, row.threshold))
    return found


def _told(session: Session, one: Doubtful, message: ClipMessage) -> pb.Clip:
    row = one.clip.row
    told = message(row, session.get_one(Recording, row.recording))
    told.doubt = one.doubt
    told.doubts.extend(
        pb.Doubt(
            reason=sign.doubt,
            title=title(sign, kept=row.kept),
            sentence=say_doubt(sign, kept=row.kept),
            weight=sign.weight,
            measured=sign.measured,
            limit=sign.limit,
        )
        for sign in one.signs
    )
    return told
