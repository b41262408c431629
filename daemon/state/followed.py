"""What waits for a text: clips that nothing here could hear, and those of a speaker whom a recogniser does not follow.

Of a voice whose words it mostly does not understand, what it thinks it understood is wrong, too: such clips wait for a
text, or for a better recogniser. What has a given text, or was changed by a person, is none of this; what a person
accepted as it is counts, and stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from daemon.database.models import Clip, Recording, Voice
from daemon.state import events
from daemon.state.recordings import PERSON
from daemon.state.values import Level
from engines.recognisers import BEST

#: Reasons of clips, as in `engines.cutting.verdict.REASONS`: distrusted because of the others, and not understood.
NOT_FOLLOWED, NOT_UNDERSTOOD = "not-followed", "not-understood"
#: Nothing here could write a text for it.
NO_TEXT = "no-text"
#: The recogniser that a better one may take the place of, as stored with its texts.
WEAK = "pocketsphinx"
#: Part of the clips, or of their seconds, from which a speaker is not followed.
MOSTLY = 0.5


@dataclass
class _RecognisedClips:
    """Clips of one recording, or of a voice, whose words only a recogniser knows."""

    understood: list[Clip] = field(default_factory=list)  #: as it thinks
    lost: list[Clip] = field(default_factory=list)

    def add(self, clip: Clip) -> None:
        (self.lost if clip.reason == NOT_UNDERSTOOD else self.understood).append(clip)

    @property
    def followed(self) -> bool:
        every = [*self.understood, *self.lost]
        lost, seconds = (sum(clip.end - clip.start for clip in clips) for clips in (self.lost, every))
        return not self.lost or (len(self.lost) < MOSTLY * len(every) and lost < MOSTLY * seconds)


def judge(session: Session, voice: str) -> None:
    """Drop what was understood of recordings, or of a whole voice, that are mostly not understood; take it back where
    that is over."""
    whole, parts, names = _RecognisedClips(), dict[int, _RecognisedClips](), dict[int, str]()
    for clip, name in _recognised_clips(session, voice):
        whole.add(clip)
        parts.setdefault(clip.recording, _RecognisedClips()).add(clip)
        names[clip.recording] = name
    dropped: dict[str, int] = {}
    for id, part in parts.items():
        followed = whole.followed and part.followed
        of = part if whole.followed else whole
        for clip in part.understood:
            if clip.trust == PERSON:
                continue
            if followed and clip.reason == NOT_FOLLOWED:
                clip.kept, clip.reason, clip.sentence = True, "", ""
            elif not followed and clip.kept:
                dropped[names[id]] = dropped.get(names[id], 0) + 1
                clip.kept, clip.reason = False, NOT_FOLLOWED
                clip.sentence = (
                    f"The recogniser does not follow this speaker: it did not understand {len(of.lost)} of "
                    f"{len(of.lost) + len(of.understood)} clips of the {'recording' if of is part else 'voice'}."
                )
    session.flush()
    if dropped:
        _notify_left_out(session, voice, dropped)


def hear_again(session: Session, voice: str) -> None:
    """Have recordings cut again that the weak recogniser did not follow, or that nothing here could hear: a better one
    is here."""
    of_voice = select(Clip.recording).where(Clip.voice == voice)
    lost = of_voice.where(Clip.reason == NOT_FOLLOWED, Clip.text_source == WEAK)
    waiting = select(Recording).where(Recording.cut.is_not(None), Recording.removed.is_(None))
    waiting = waiting.where(
        (Recording.id.in_(lost) & Recording.text.is_(None)) | Recording.id.in_(of_voice.where(Clip.reason == NO_TEXT))
    )
    for row in session.scalars(waiting):
        row.cut = None


def waiting(session: Session) -> list[Voice]:
    """Voices with clips that a better recogniser should hear."""
    of_clips = select(Clip.voice).join(Recording, Recording.id == Clip.recording).where(Recording.removed.is_(None))
    of_clips = of_clips.where(Clip.reason.in_((NO_TEXT, NOT_FOLLOWED)))
    return list(session.scalars(select(Voice).where(Voice.name.in_(of_clips)).order_by(Voice.name)))


def tell_waiting(session: Session, voice: str, since: datetime) -> int:
    """Tell a person of the clips, cut since that moment, that wait for a text, for nothing here can write one. Returns
    how many there are."""
    query = select(func.count(), func.count(Recording.id.distinct())).select_from(Clip)
    query = query.join(Recording, Recording.id == Clip.recording).where(Clip.voice == voice, Clip.reason == NO_TEXT)
    clips, files = session.execute(query.where(Recording.removed.is_(None), Recording.cut >= since)).one()
    if clips:
        where = "1 recording" if files == 1 else f"{files} recordings"
        wait = "1 clip waits" if clips == 1 else f"{clips} clips wait"
        sentence = f"{wait} for a text: nothing here hears {where} of {voice}."
        hint = (
            f"`myna engines fetch {BEST}` brings what hears them, and they are cut again by themselves; or put the "
            f"texts beside them, in inbox/{voice}/, or write one: `myna clip {voice} CLIP --text TEXT`."
        )
        events.notice(session, Level.WARNING, sentence, hint, voice)
    return int(clips)


def _recognised_clips(session: Session, voice: str) -> Sequence[tuple[Clip, str]]:
    """(clip, its recording's name) of clips that a recogniser wrote the text of, or could not; none that a person
    changed."""
    query = select(Clip, Recording.name).join(Recording, Recording.id == Clip.recording)
    query = query.where(Clip.voice == voice, Recording.removed.is_(None), Recording.text.is_(None))
    heard = (Clip.text_source.in_(("whisper", WEAK)) & Clip.kept) | Clip.reason.in_((NOT_UNDERSTOOD, NOT_FOLLOWED))
    found = session.execute(query.where(heard).order_by(Clip.id)).tuples()
    return [(clip, name) for clip, name in found if clip.trust != PERSON or _accepted(clip)]


def _accepted(clip: Clip) -> bool:
    """Whether all that a person said of the clip is that it is right as it is: it counts as before."""
    first = clip.before[0] if clip.before else {}
    return bool(first) and all(getattr(clip, name) == value for name, value in first.items() if name != "trust")


def _notify_left_out(session: Session, voice: str, dropped: dict[str, int]) -> None:
    count, first = sum(dropped.values()), next(iter(dropped))
    where = first if len(dropped) == 1 else f"{len(dropped)} recordings"
    sentence = (
        f"The recogniser does not follow the speaker of {where} ({voice}): {count} clips that it thinks "
        f"it understood are left out, too."
    )
    hint = (
        f"Put the text beside the recording, in inbox/{voice}/, or `myna engines fetch {BEST}`: it is cut again then. "
        f"`myna clips {voice} --dropped` lists them; `myna clip {voice} CLIP --keep` keeps one."
    )
    events.notice(session, Level.WARNING, sentence, hint, voice)
