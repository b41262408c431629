"""Who speaks in a voice's recordings, and which of them is the voice's own: told, chosen by a person, and by whom clips
are judged from then on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Clip, Recording, Voice
from daemon.errors import NotNow
from daemon.home import speaker_file
from daemon.home.speaker_file import Choice
from daemon.state import datasets, events, judging, voices
from daemon.state.values import Level, on_wire
from engines.judging.reasons import Reason
from engines.judging.speakers import OwnBy, Speaker, Speakers
from engines.judging.voice_clip import likeness, packed
from proto import myna_pb2 as pb

#: Makes the message of a clip.
ClipMessage = Callable[[Clip, Recording], pb.Clip]

#: What whose voice it is was guessed by.
_GUESSED = {
    OwnBy.MOST: "says most",
    OwnBy.BARELY: "has most speech in recordings of one speaker, though not by much",
}


def reply(session: Session, voice: str, message: ClipMessage) -> pb.SpeakersReply:
    """All who speak in the voice's recordings, its own speaker first. Raises NotFound."""
    owner = voices.get(session, voice)
    clips = judging.stored(session, voice)
    limits = judging.limits_of(owner)
    found = judging.who_speaks(clips, owner, limits)
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
        everybody=not limits.other_speaker,
        missing=found.missing,
        compared=sum(len(one.clips) for one in found.every),
    )


def choose(session: Session, voice: str, voiceprint: bytes) -> Choice:
    """Whoever sounds so is the voice's own speaker from now on (empty: that is told from the recordings again), and its
    clips are judged again. Returns what the file beside the recordings is to keep. Raises NotFound."""
    owner = voices.get(session, voice)
    owner.own_speaker = voiceprint or None
    judging.judge(session, voice)
    voices.emit_voice(session, owner)
    return Choice(voice, voiceprint)


def unwritten(session: Session, home: Path) -> list[Choice]:
    """Choices that `recordings/speakers.jsonl` lacks, or has otherwise: of before there was one, or lost in a power
    cut."""
    known = speaker_file.read(home)
    rows = session.execute(select(Voice.name, Voice.own_speaker).where(Voice.own_speaker.is_not(None))).tuples()
    return [Choice(name, own) for name, own in rows if own and known.get(name) != own]


def take_in(session: Session, home: Path) -> None:
    """What was said of voices that this database knows, and of whose own speaker it knows nothing: in one that was
    lost."""
    for name, voiceprint in speaker_file.read(home).items():
        if (row := session.get(Voice, name)) is not None and row.own_speaker is None:
            row.own_speaker = voiceprint
    session.flush()


def print_of(session: Session, voice: str, sha256: str) -> bytes:
    """Of all that the clip's speaker says; of the clip alone where it is of nobody who says more. Raises NotFound for a
    clip that there is not, NotNow for one whose speaker was not measured."""
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
    voice it is was guessed, or is not whose a person said, a person is told."""
    owner = voices.get(session, voice)
    limits, left_out = judging.limits_of(owner), datasets.dropped(session, voice)[Reason.OTHER_SPEAKER]
    if not limits.other_speaker or (not left_out and owner.own_speaker is None):
        return ""
    found = judging.who_speaks(judging.stored(session, voice), owner, limits)
    several = bool(left_out) and len(found.every) > 1
    sentences = []
    if found.missing:
        sentences.append(f"Whom a person called {voice}'s own speaker is not heard in its recordings (any more).")
    if several:
        sentences.append(_several(voice, found))
    if several and found.guessed:
        sentences.append(f"Whose voice it is was guessed: the one's who {_GUESSED[found.by]}.")
    if not sentences:
        return ""
    if found.missing or found.guessed:
        hint = f"`myna datasets speakers {voice}` shows clips of each to hear, and takes another one."
        events.notice(session, Level.WARNING, " ".join(sentences), hint, voice)
    return f" {' '.join(sentences)} `myna datasets speakers {voice}` tells more."


def _several(voice: str, found: Speakers) -> str:
    own, *others = found.every
    return (
        f"{len(found.every)} people speak in {voice}'s recordings: the voice's own speaker for {_length(own.seconds)}, "
        f"{'another' if len(others) == 1 else f'{len(others)} others'} for "
        f"{_length(sum(one.seconds for one in others))}, which is left out."
    )


def _length(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
