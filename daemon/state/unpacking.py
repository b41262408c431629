"""A dataset that comes from elsewhere, a package or another voice, made rows of a voice.

What is there already stays as it is, and the same again changes nothing. What is held out of where it comes from is
held out here, for ever; where it has trained here before, `datasets.decide_holdouts` keeps it out of both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Clip, Holdout, Recording, Version, Voice, now
from daemon.database.store import home_of
from daemon.errors import NotNow
from daemon.inbox import subtitles
from daemon.names import VOICE_TOML
from daemon.state import recordings, voices
from daemon.state.recordings import PERSON, SUPERSEDED
from proto import worker_pb2 as wire


@dataclass(frozen=True)
class Stored:
    """What a voice got."""

    new: tuple[str, ...] = ()  #: SHA-256 of recordings that it did not have
    known: int = 0  #: recordings that it had
    training: int = 0  #: clips that it did not have, kept
    held_out: int = 0  #: the same, held out
    dropped: int = 0  #: the same, not kept


def check_language(voice: str, spoken: str, packed: str, source: str) -> None:
    """Raises NotNow where what comes is in another language than the voice speaks."""
    if voices.language(spoken) != voices.language(packed):
        raise NotNow(
            f"{source} is in {packed}, and {voice} speaks {spoken}.",
            "Choose another name: a new voice gets its language.",
        )


def is_shapeless(session: Session, voice: str) -> bool:
    """Whether nothing came into the voice yet (no recording, be it removed, and no version), and no voice.toml says
    what it is: it gets language and engine with what comes first."""
    rows = (select(Recording.id).where(Recording.voice == voice), select(Version.id).where(Version.voice == voice))
    said = home_of(session) / "inbox" / voice / VOICE_TOML.decode()
    return not said.exists() and all(session.scalars(query.limit(1)).first() is None for query in rows)


def store(session: Session, voice: str, packed: wire.PackedDataset) -> Stored:
    """Give a voice (made if there is none of that name) all that it does not have of this. Clips were cut for an
    engine: a voice of another one has the recordings cut again. Raises NotFound or NotNow for a voice that may be given
    nothing now."""
    voices.check_new(session, voice)
    row = recordings.ensure_voice(session, voice, packed.language, packed.engine)
    if is_shapeless(session, voice):
        row.language, row.engine = packed.language, packed.engine
    check_language(voice, row.language, packed.language, f"What {packed.voice} has")
    clips: dict[str, list[wire.PackedClip]] = defaultdict(list)
    if row.engine == packed.engine:
        for clip in packed.clips:
            clips[clip.recording].append(clip)
    of_voice = select(Recording).where(Recording.voice == voice)
    known = {found.sha256: found for found in session.scalars(of_voice)}
    fresh = {one.sha256: _recording(row, one) for one in packed.recordings if one.sha256 not in known}
    session.add_all(fresh.values())
    session.flush()
    stored: list[Clip] = []
    for one in packed.recordings:
        recording = known.get(one.sha256)
        if recording is None:
            stored += _clips(fresh[one.sha256], clips[one.sha256])
            continue
        if recording.removed is not None:
            recordings.restore(session, voice, one.sha256)
        stored += _known_clips(session, recording, clips[one.sha256])
    session.add_all(stored)
    _hold(session, voice, packed.holdouts)
    voices.emit_voice(session, row)
    held = {(clip.recording, clip.clip.sha256) for clip in packed.clips if clip.held_out}
    sounds = {found.id: found.sha256 for found in (*known.values(), *fresh.values())}
    kept = [clip for clip in stored if clip.kept]
    count = sum((sounds[clip.recording], clip.sha256) in held for clip in kept)
    return Stored(tuple(fresh), len(packed.recordings) - len(fresh), len(kept) - count, count, len(stored) - len(kept))


def why_waiting(session: Session, voice: str) -> str:
    """Why there is no dataset of what came yet: a sentence; empty: it needs no cutting."""
    if not (count := recordings.count_uncut(session, voice)):
        return ""
    what = "1 recording is" if count == 1 else f"{count} recordings are"
    return f"{what} cut for {voices.get(session, voice).engine} first; the dataset follows."


def _recording(voice: Voice, one: wire.PackedRecording) -> Recording:
    return Recording(
        voice=voice.name,
        sha256=one.sha256,
        name=one.name,
        path=one.path,
        size=one.size,
        seconds=one.seconds,
        sample_rate=one.sample_rate,
        channels=one.channels,
        codec=one.codec,
        text=one.text if one.HasField("text") else None,
        text_from=one.text_from,
        note=one.note,
        made_from=one.made_from,
        cues=subtitles.stored(one.cues),
        added=now(),
    )


def _known_clips(session: Session, recording: Recording, given: Sequence[wire.PackedClip]) -> list[Clip]:
    """The clips of a recording that was there, if it had none. Else what a person said of the same clip where it comes
    from is taken over, if nobody did here."""
    there = session.scalars(select(Clip).where(Clip.recording == recording.id, Clip.reason != SUPERSEDED))
    before = {(row.sha256, row.start, row.end): row for row in there}
    if not before:
        return _clips(recording, given)
    for one in given:
        clip = one.clip
        same = before.get((clip.sha256, clip.start, clip.end))
        if same is not None and clip.trust == PERSON and same.trust != PERSON:
            _say(same, clip)
    return []


def _clips(recording: Recording, given: Sequence[wire.PackedClip]) -> list[Clip]:
    """Rows of a recording's clips: it is cut with them."""
    rows = []
    for one in given:
        clip = one.clip
        row = Clip(voice=recording.voice, recording=recording.id, start=clip.start, end=clip.end, held_out=False)
        row.sha256, row.path, row.quality = clip.sha256, clip.path, dict(clip.quality)
        _say(row, clip)
        rows.append(row)
    if rows:
        recording.cut = now()
    return rows


def _say(row: Clip, clip: wire.CutClip) -> None:
    row.text, row.text_source, row.trust = clip.text, clip.text_source, clip.trust
    row.kept, row.reason, row.sentence = clip.kept, clip.reason, clip.sentence


def _hold(session: Session, voice: str, holdouts: Sequence[wire.PackedHoldout]) -> None:
    """What was decided elsewhere holds here, where nothing was decided; and what is held out of either is held out."""
    decided = {(row.sha256, row.block): row for row in session.scalars(select(Holdout).where(Holdout.voice == voice))}
    for one in holdouts:
        row = decided.get((one.sha256, one.block))
        if row is None:
            row = Holdout(voice=voice, sha256=one.sha256, block=one.block, held=one.held, decided=now())
            row.start, row.end = one.start, one.end
            session.add(row)
            decided[one.sha256, one.block] = row
        elif one.held and not row.held:
            row.held, row.start, row.end = True, one.start, one.end
        elif one.held:
            row.start, row.end = min(row.start, one.start), max(row.end, one.end)
    session.flush()
