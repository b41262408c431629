"""Who speaks in a voice's recordings, and which of them is the voice's own: told, chosen by a person, and by whom clips
are judged from then on."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from daemon.database.models import Clip, Recording
from daemon.errors import NotNow
from daemon.state import datasets, events, judging, voices
from daemon.state.values import Level, on_wire
from engines.judging.reasons import Reason
from engines.judging.speakers import OwnBy, Speaker
from engines.judging.voice_clip import likeness, packed
from proto import myna_pb2 as pb

#: Makes the message of a clip.
ClipMessage = Callable[[Clip, Recording], pb.Clip]


def reply(session: Session, voice: str, message: ClipMessage) -> pb.SpeakersReply:
    """All who speak in the voice's recordings, its own speaker first. Raises NotFound."""
    owner = voices.get(session, voice)
    clips = judging.stored(session, voice)
    found = judging.who_speaks(clips, owner, judging.limits_of(owner))
    rows = {clip.row.id: clip.row for clip in clips}

    def told(one: Speaker) -> pb.Speaker:
        row = next((rows[id] for id in one.clips if rows[id].sha256), None)
        return pb.Speaker(
            clips=len(one.clips),
            seconds=one.seconds,
            recordings=one.recordings,
            alone_seconds=one.alone,
            likeness=likeness(found.every[0].centroid, one.centroid),
            example=message(row, session.get_one(Recording, row.recording)) if row is not None else None,
        )

    return pb.SpeakersReply(
        voice=voice,
        speakers=map(told, found.every),
        by=on_wire(OwnBy, found.by) if found.every else pb.OWN_SPEAKER_BY_UNSPECIFIED,
        compared=sum(len(one.clips) for one in found.every),
    )


def choose(session: Session, voice: str, sha256: str) -> None:
    """Whoever speaks in this clip is the voice's own speaker from now on (empty: that is told from the recordings
    again), and its clips are judged again. Raises NotFound for a clip that there is not, NotNow for one whose speaker
    was not measured."""
    owner = voices.get(session, voice)
    owner.own_speaker = _print_of(session, voice, sha256) if sha256 else None
    judging.judge(session, voice)
    voices.emit_voice(session, owner)


def _print_of(session: Session, voice: str, sha256: str) -> bytes:
    """Of all that the clip's speaker says; of the clip alone where it is of nobody who says more."""
    owner, asked = voices.get(session, voice), {row.id for row in datasets.clips(session, voice, sha256)}
    clips = judging.stored(session, voice)
    for one in judging.who_speaks(clips, owner, judging.limits_of(owner)).every:
        if asked & set(one.clips):
            return packed(one.centroid)
    found = next((clip.beside.voiceprint for clip in clips if clip.row.id in asked and clip.beside.voiceprint), b"")
    if not found:
        raise NotNow(
            f"Whose voice the clip {sha256[:12]} is was not measured.",
            f"Name another clip, or have all of them cut and measured again: `myna datasets recut {voice}`.",
        )
    return found


def tell(session: Session, voice: str) -> str:
    """Who speaks beside the voice's own speaker, a sentence for the job that made a dataset; empty: nobody. Where whose
    voice it is was guessed, a person is told."""
    if not datasets.dropped(session, voice)[Reason.OTHER_SPEAKER]:
        return ""
    owner = voices.get(session, voice)
    found = judging.who_speaks(judging.stored(session, voice), owner, judging.limits_of(owner))
    if len(found.every) < 2:
        return ""
    own, *others = found.every
    sentence = (
        f"{len(found.every)} people speak in {voice}'s recordings: the voice's own speaker for {_length(own.seconds)}, "
        f"{'another' if len(others) == 1 else f'{len(others)} others'} for "
        f"{_length(sum(one.seconds for one in others))}, which is left out."
    )
    if found.by is OwnBy.MOST:
        sentence += " Whose voice it is was guessed: the one's who says most."
        hint = f"`myna datasets speakers {voice}` shows clips of each to hear, and takes another one."
        events.notice(session, Level.WARNING, sentence, hint, voice)
    return f" {sentence} `myna datasets speakers {voice}` tells more."


def _length(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
