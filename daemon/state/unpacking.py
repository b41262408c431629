"""A dataset that comes from elsewhere, a package or another voice, made rows of a voice.

What is there already stays as it is, and the same again changes nothing. What is held out of where it comes from is
held out here, for ever; where it has trained here before, `datasets.decide_holdouts` keeps it out of both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from daemon.database.models import Clip, Holdout, Recording, Version, Voice, now
from daemon.database.store import home_of
from daemon.errors import NotNow
from daemon.inbox import subtitles
from daemon.names import VOICE_TOML
from daemon.state import recordings, voices
from daemon.state.recordings import PERSON, SUPERSEDED
from proto import worker_pb2 as wire

#: Ids in one question to the database, at most.
IDS = 10_000


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


def shaped(session: Session, voice: str, language: str, engine: str, source: str) -> Voice:
    """The voice that gets what comes; made if there is none, and one that has nothing yet gets language and engine with
    it. Raises NotFound or NotNow for a voice that may be given nothing now, or speaks another language."""
    voices.check_new(session, voice)
    row = recordings.ensure_voice(session, voice, language, engine)
    if is_shapeless(session, voice):
        row.language, row.engine = language, engine
    check_language(voice, row.language, language, source)
    return row


def store(session: Session, voice: str, packed: wire.PackedDataset) -> Stored:
    """Give a voice (made if there is none of that name) all that it does not have of this. Clips were cut for an
    engine: a voice of another one has the recordings cut again. Raises NotFound or NotNow for a voice that may be given
    nothing now."""
    row = shaped(session, voice, packed.language, packed.engine, f"What {packed.voice} has")
    clips: dict[str, list[wire.PackedClip]] = defaultdict(list)
    if row.engine == packed.engine:
        for clip in packed.clips:
            clips[clip.recording].append(clip)
    known = set(session.scalars(select(Recording.sha256).where(Recording.voice == voice)))
    fresh = [one for one in packed.recordings if one.sha256 not in known]
    if fresh:  # ten thousand rows are made in one go: everybody who writes waits meanwhile
        session.execute(insert(Recording), [_recording(voice, one, cut=bool(clips[one.sha256])) for one in fresh])
    rows = {found.sha256: found for found in session.scalars(select(Recording).where(Recording.voice == voice))}
    new = {one.sha256 for one in fresh}
    there = _clips_of(session, [rows[one.sha256].id for one in packed.recordings if one.sha256 not in new])
    given: list[wire.PackedClip] = []
    for one in packed.recordings:
        recording = rows[one.sha256]
        if recording.removed is not None:
            recordings.restore(session, voice, one.sha256)
        if before := there.get(recording.id):
            _correct(before, clips[one.sha256])
        elif clips[one.sha256]:
            given += clips[one.sha256]
            recording.cut = recording.cut or now()
    if given:
        session.execute(insert(Clip), [_clip(rows[one.recording], one.clip) for one in given])
    _hold(session, voice, packed.holdouts)
    voices.emit_voice(session, row)
    kept = [one for one in given if one.clip.kept]
    held = sum(one.held_out for one in kept)
    return Stored(
        new=tuple(one.sha256 for one in fresh),
        known=len(packed.recordings) - len(fresh),
        training=len(kept) - held,
        held_out=held,
        dropped=len(given) - len(kept),
    )


def why_waiting(session: Session, voice: str) -> str:
    """Why there is no dataset of what came yet: a sentence; empty: it needs no cutting."""
    if not (count := recordings.count_uncut(session, voice)):
        return ""
    what = "1 recording is" if count == 1 else f"{count} recordings are"
    return f"{what} cut for {voices.get(session, voice).engine} first; the dataset follows."


def _recording(voice: str, one: wire.PackedRecording, *, cut: bool) -> dict[str, Any]:
    """A row; `cut`: its clips come with it."""
    time = now()
    return {
        "voice": voice,
        "sha256": one.sha256,
        "name": one.name,
        "path": one.path,
        "size": one.size,
        "seconds": one.seconds,
        "sample_rate": one.sample_rate,
        "channels": one.channels,
        "codec": one.codec,
        "text": one.text if one.HasField("text") else None,
        "text_from": one.text_from,
        "note": one.note,
        "made_from": one.made_from,
        "cues": subtitles.stored(one.cues),
        "added": time,
        "cut": time if cut else None,
    }


def _clips_of(session: Session, of: Sequence[int]) -> dict[int, dict[tuple[str, float, float], Clip]]:
    """Clips of recordings, by the recording's id, each by what makes it the same clip."""
    found: dict[int, dict[tuple[str, float, float], Clip]] = defaultdict(dict)
    for start in range(0, len(of), IDS):
        some = select(Clip).where(Clip.recording.in_(of[start : start + IDS]), Clip.reason != SUPERSEDED)
        for row in session.scalars(some):
            found[row.recording][row.sha256, row.start, row.end] = row
    return found


def _correct(before: Mapping[tuple[str, float, float], Clip], given: Sequence[wire.PackedClip]) -> None:
    """What a person said of the same clip where it comes from is taken over, if nobody did here."""
    for one in given:
        clip = one.clip
        same = before.get((clip.sha256, clip.start, clip.end))
        if same is not None and clip.trust == PERSON and same.trust != PERSON:
            _say(same, clip)


def _clip(recording: Recording, clip: wire.CutClip) -> dict[str, Any]:
    """A row."""
    return {
        "voice": recording.voice,
        "recording": recording.id,
        "sha256": clip.sha256,
        "path": clip.path,
        "start": clip.start,
        "end": clip.end,
        "text": clip.text,
        "text_source": clip.text_source,
        "trust": clip.trust,
        "kept": clip.kept,
        "reason": clip.reason,
        "sentence": clip.sentence,
        "quality": dict(clip.quality),
        "facts": clip.facts.SerializeToString() if clip.HasField("facts") else None,
    }


def _say(row: Clip, clip: wire.CutClip) -> None:
    row.text, row.text_source, row.trust = clip.text, clip.text_source, clip.trust
    row.kept, row.reason, row.sentence = clip.kept, clip.reason, clip.sentence


def _hold(session: Session, voice: str, holdouts: Sequence[wire.PackedHoldout]) -> None:
    """What was decided elsewhere holds here, where nothing was decided; and what is held out of either is held out."""
    decided = {(row.sha256, row.block): row for row in session.scalars(select(Holdout).where(Holdout.voice == voice))}
    time, new = now(), {}
    for one in holdouts:
        row = decided.get((one.sha256, one.block))
        if row is None:
            made = {"voice": voice, "sha256": one.sha256, "block": one.block, "held": one.held, "decided": time}
            new[one.sha256, one.block] = {**made, "start": one.start, "end": one.end}
        elif one.held and not row.held:
            row.held, row.start, row.end = True, one.start, one.end
        elif one.held:
            row.start, row.end = min(row.start, one.start), max(row.end, one.end)
    if new:
        session.execute(insert(Holdout), list(new.values()))
    session.flush()
