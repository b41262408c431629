"""Recordings of a voice: taking them, the text that comes with them or later, removing them, and storing their
clips."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from types import MappingProxyType

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from daemon.database.models import MADE, Clip, DatasetClip, Recording, Voice, now
from daemon.database.store import caller_of
from daemon.errors import NotFound, brief
from daemon.inbox import subtitles
from daemon.names import is_metadata, printable
from daemon.settings import Settings
from daemon.state import events, voices
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

#: Reason of a clip that a later cut of its recording put others in the place of. It stays because datasets name it.
SUPERSEDED = "superseded"
#: Who corrected a clip's text or its being kept, as stored.
PERSON = "person"
#: What a person can change of a clip, with what tells who did.
EDITED_FIELDS = ("text", "text_source", "trust", "kept", "reason", "sentence")


def ensure_voice(session: Session, name: str, language: str = "en", engine: str = "glow") -> Voice:
    """The voice of that name, made if there is none."""
    if (voice := session.get(Voice, name)) is not None:
        return voice
    whose = caller_of(session).name or None
    voice = Voice(name=name, language=language, engine=engine, options={}, created=now(), owner=whose)
    session.add(voice)
    voices.emit_voice(session, voice)
    return voice


def claim(session: Session, name: str, settings: Settings) -> None:
    """Before a person brings anything: a voice that there is not yet is made at once, so that it is theirs. What the
    owner brings makes its voice when it comes to rest in the inbox."""
    if caller_of(session).name:
        ensure_voice(session, name, settings.default_language, settings.default_engine)


def get(session: Session, voice: str, sha256: str) -> Recording:
    """Raises NotFound."""
    found = session.scalars(select(Recording).where(Recording.voice == voice, Recording.sha256 == sha256)).first()
    if found is None:
        raise NotFound(f"{voice} has no recording {sha256[:12]}.", f"`myna recordings {voice}` lists them.")
    return found


def take(session: Session, voice: str, taken: wire.RecordingTaken) -> Recording:
    """Store a taken recording. The same bytes again, under any name, are the same recording: known, and no longer
    removed."""
    ensure_voice(session, voice)
    name = taken.name or printable(taken.file)
    row = session.scalars(select(Recording).where(Recording.voice == voice, Recording.sha256 == taken.sha256)).first()
    if row is None:
        row = Recording(
            voice=voice,
            sha256=taken.sha256,
            name=name,
            path=taken.path,
            size=taken.size,
            seconds=taken.seconds,
            sample_rate=taken.sample_rate,
            channels=taken.channels,
            codec=taken.codec,
            text=taken.text if taken.has_text else None,
            text_from=taken.text_from,
            cues=subtitles.stored(taken.cues),
            note=taken.note,
            made_from=_made_from(session, taken.sha256),
            added=now(),
        )
        session.add(row)
        emit_inbox_event(session, voice, name, "taken", taken.note, taken.seconds)
        return row
    why = "It is known already" + ("." if row.name == name else f" as {row.name}.")
    if row.removed is not None:
        row.removed = None
        why += " It had been removed, and is back."
    if taken.has_text and set_text(row, taken.text, taken.text_from, taken.cues):
        why += " Its text is new."
    emit_inbox_event(session, voice, name, "known", why, row.seconds)
    return row


def _made_from(session: Session, sha256: str) -> str:
    """The clip that these bytes are known to be made from, in whatever voice; empty: a person recorded them."""
    made = select(Recording.made_from).where(Recording.sha256 == sha256, MADE).limit(1)
    return session.scalar(made) or ""


def set_text(row: Recording, text: str, source: str, cues: Sequence[pb.Cue] = ()) -> bool:
    """Give a recording its text, and when it is said, if that is known; another one than it had means that it is to be
    cut again. True if it is another one."""
    times = subtitles.stored(cues)
    if row.text == text and (not times or row.cues == times):
        return False
    row.text, row.text_from, row.cues, row.cut = text, source, times, None
    return True


def by_stem(session: Session, voice: str) -> dict[str, list[int]]:
    """Ids of a voice's recordings by their name without ending, as transcripts name them."""
    found: dict[str, list[int]] = {}
    for id, name in session.execute(select(Recording.id, Recording.name).where(Recording.voice == voice)):
        found.setdefault(name_stem(name), []).append(id)
    return found


def name_stem(name: str) -> str:
    """`sub/a.wav` → `sub/a`."""
    path = PurePosixPath(name)
    return str(path.with_suffix("")) if path.suffix else name


def attach(
    session: Session,
    voice: str,
    texts: Mapping[str, str],
    source: str,
    cues: Mapping[str, Sequence[pb.Cue]] = MappingProxyType({}),
) -> tuple[set[str], list[Recording]]:
    """Give texts (and when they are said, where that is known), by the recordings' names without ending, to recordings
    that were taken before. Returns (the names that have a recording, the recordings that have a text which they did not
    have)."""
    known = by_stem(session, voice)
    there = texts.keys() & known.keys()
    changed: list[Recording] = []
    for key in there:
        for id in known[key]:
            row = session.get_one(Recording, id)
            if (
                is_metadata(source.encode())
                and row.text is not None
                and row.text_from
                and not is_metadata(row.text_from.encode())
            ):
                continue  # a text of its own beside the recording goes before that of a list
            if set_text(row, texts[key], source, cues.get(key, ())):
                changed.append(row)
                emit_inbox_event(session, voice, row.name, "taken", f"Its text came with {source}.", row.seconds)
    return there, changed


def remove(session: Session, voice: str, sha256: str) -> Recording:
    """Take a recording out of the voice: it is in no further dataset. Its file, its clips and its held-out decision
    stay."""
    row = get(session, voice, sha256)
    if row.removed is None:
        row.removed = now()
        emit_inbox_event(session, voice, row.name, "removed", "A person removed it; nothing is deleted.", row.seconds)
        _emit_voice(session, voice)
    return row


def restore(session: Session, voice: str, sha256: str) -> Recording:
    """Bring a removed recording back, with its clips and its held-out decision."""
    row = get(session, voice, sha256)
    if row.removed is not None:
        row.removed = None
        emit_inbox_event(session, voice, row.name, "known", "It had been removed, and is back.", row.seconds)
        _emit_voice(session, voice)
    return row


def page(session: Session, voice: str, after: int, size: int, *, removed: bool = False) -> list[Recording]:
    """In the order they came, with an id above `after`; the removed ones only if asked for."""
    voices.get(session, voice)
    query = select(Recording).where(Recording.voice == voice, Recording.id > after).order_by(Recording.id).limit(size)
    return list(session.scalars(query if removed else query.where(Recording.removed.is_(None))))


def message(session: Session, row: Recording) -> pb.Recording:
    """The recording on the wire."""
    kept = select(func.count()).select_from(Clip).where(Clip.recording == row.id, Clip.kept)
    recording = pb.Recording(
        voice=row.voice,
        sha256=row.sha256,
        name=row.name,
        seconds=row.seconds,
        size=row.size,
        codec=row.codec,
        sample_rate=row.sample_rate,
        clips=session.scalar(kept) or 0,
        note=row.note,
        made_from=row.made_from,
    )
    recording.quality.update(measured(session, row))
    recording.added.FromDatetime(row.added)
    if row.removed is not None:
        recording.removed.FromDatetime(row.removed)
    return recording


def measured(session: Session, row: Recording) -> dict[str, float]:
    """What was measured of a whole recording: of its clips as it is cut now, kept or dropped, the largest peak, and the
    mean of every other measure by their length. Told from what is stored of them; nothing of it is stored again."""
    query = select(Clip.quality, Clip.end - Clip.start).where(Clip.recording == row.id, Clip.reason != SUPERSEDED)
    sums: dict[str, float] = defaultdict(float)
    lengths: dict[str, float] = defaultdict(float)
    peak = 0.0
    for quality, seconds in session.execute(query):
        numbers = voices.numbers(quality)
        peak = max(peak, numbers.get("peak", 0.0))
        for name, number in numbers.items():
            sums[name] += number * seconds
            lengths[name] += seconds
    found = {name: sums[name] / lengths[name] for name in sorted(sums) if lengths[name] > 0}
    return found | {"peak": peak} if "peak" in found else found


def _emit_voice(session: Session, voice: str) -> None:
    voices.emit_voice(session, voices.get(session, voice))


def uncut(session: Session, voice: str) -> list[Recording]:
    """Recordings that have no clips yet (or were given another text), oldest first."""
    query = select(Recording).where(Recording.voice == voice, Recording.cut.is_(None), Recording.removed.is_(None))
    return list(session.scalars(query.order_by(Recording.id)))


def count_uncut(session: Session, voice: str) -> int:
    query = select(func.count()).where(Recording.voice == voice, Recording.cut.is_(None), Recording.removed.is_(None))
    return session.scalar(query) or 0


def store_cut(session: Session, voice: str, cut: wire.RecordingCut) -> Recording:
    """Store the clips of a recording in place of those it had. The same report again changes nothing. What a person
    said of a clip stands for the one that takes its place: the same stretch, written anew (another rate, denoised)."""
    recording = get(session, voice, cut.recording)
    before = list(session.scalars(select(Clip).where(Clip.recording == recording.id)))
    stays: dict[tuple[str, float, float], Clip] = {(row.sha256, row.start, row.end): row for row in before}
    said = {(row.start, row.end): row for row in before if row.trust == PERSON and row.reason != SUPERSEDED}
    for clip in cut.clips:
        row = stays.pop((clip.sha256, clip.start, clip.end), None)
        if row is None:
            row = Clip(voice=voice, recording=recording.id, start=clip.start, end=clip.end, held_out=False)
            session.add(row)
        elif row.reason == SUPERSEDED:
            row.before = []  # it takes its place again; what a person said since is of the one that stood there
        elif row.trust == PERSON:
            continue  # what a person said of it stands
        row.sha256, row.path = clip.sha256, clip.path
        row.text, row.text_source, row.trust = clip.text, clip.text_source, clip.trust
        row.kept, row.reason, row.sentence = clip.kept, clip.reason, clip.sentence
        row.quality = dict(clip.quality)
        row.facts = clip.facts.SerializeToString() if clip.HasField("facts") else None
        if (judged := said.get((clip.start, clip.end))) is not None and clip.sha256:
            for name in (*EDITED_FIELDS, "before"):
                setattr(row, name, getattr(judged, name))
    _supersede(session, list(stays.values()))
    recording.cut, recording.cut_by = now(), cut.cut_by
    if cut.note and cut.note not in recording.note:
        recording.note = f"{recording.note} {cut.note}".strip()
    return recording


def _supersede(session: Session, rows: Sequence[Clip]) -> None:
    """Clips that the last cut did not make again: gone, unless a dataset names them."""
    named = set(session.scalars(select(DatasetClip.clip).where(DatasetClip.clip.in_([row.id for row in rows]))))
    for row in rows:
        if row.id in named:
            row.kept, row.reason, row.sentence = (
                False,
                SUPERSEDED,
                "Its recording was cut again; other clips stand in its place.",
            )
        else:
            session.delete(row)


def emit_inbox_event(session: Session, voice: str, name: str, state: str, why: str = "", seconds: float = 0.0) -> None:
    """Emit an inbox event. States: "taken", "refused", "known", "removed"."""
    event = pb.InboxEvent(voice=voice, name=name, state=state, why=brief(why), seconds=seconds)
    events.emit(session, pb.Event(inbox=event), voice)
