"""What a worker is given of a dataset: its clips with the text they had then, as references to files.

Held-out clips and training clips never mix: each function here gives one kind only, in the order of their hashes, so
that the same data gives the same list whatever order it arrived in.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Clip, Dataset, DatasetClip, Recording, Version, Voice
from daemon.errors import BadRequest, NotFound, NotNow
from daemon.state import recordings, voices
from proto import worker_pb2 as wire

#: Clips by which an engine finds the base speaker nearest to a voice, or its conditioning.
REFERENCES = 32
#: Recordings that a person may name as references: each is looked up while nothing else is written.
REFERENCES_NAMED = 100
#: Where a text comes from that no recogniser wrote.
KNOWN = ("given", recordings.PERSON)
#: Characters of a SHA-256 that are enough to name a recording.
SHORTEST = 6


def dataset(session: Session, voice: str, number: int = 0) -> Dataset:
    """A voice's dataset of that number; 0: the newest. Raises NotFound with what to do."""
    query = select(Dataset).where(Dataset.voice == voice, Dataset.number == number)
    found = session.scalars(query).first() if number else voices.newest_dataset(session, voice)
    if found is not None:
        return found
    if number:
        raise NotFound(f"{voice} has no dataset #{number}.", f"`myna datasets {voice}` lists those there are.")
    raise NotFound(f"{voice} has no dataset yet.", f"Add recordings: `myna add {voice} FILES…`.")


def training(session: Session, voice: Voice, data: Dataset, home: Path, parent: Version | None) -> list[wire.ClipRef]:
    """Training clips; `is_new` are those that the parent was not trained on with the same text. Without a parent, or
    when it has seen them all, every clip is new: somebody wants to train on them."""
    seen: set[tuple[int, str]] = set()
    if parent is not None:
        before = select(DatasetClip.clip, DatasetClip.text).join(Dataset, Dataset.id == DatasetClip.dataset)
        before = before.where(
            Dataset.voice == voice.name, Dataset.number == parent.dataset, DatasetClip.held_out.is_(False)
        )
        seen = {(clip, text) for clip, text in session.execute(before)}
    rows = _rows(session, data, held_out=False)
    new = [(clip.id, text) not in seen for clip, text in rows]
    all_seen = not any(new)
    return [
        _ref(voice, clip, text, home, is_new=all_seen or is_new) for (clip, text), is_new in zip(rows, new, strict=True)
    ]


def held_out(session: Session, voice: Voice, data: Dataset, home: Path) -> list[wire.ClipRef]:
    """Clips that never train."""
    return [_ref(voice, clip, text, home) for clip, text in _rows(session, data, held_out=True)]


def with_known_texts(session: Session, voice: Voice, data: Dataset, home: Path, most: int) -> list[wire.ClipRef]:
    """Training clips whose texts no recogniser wrote, so many at most, always the same ones for the same data."""
    rows = [(clip, text) for clip, text in _rows(session, data, held_out=False) if clip.text_source in KNOWN and text]
    return [_ref(voice, clip, text, home) for clip, text in rows[: max(0, most)]]


def reference(session: Session, voice: Voice, home: Path) -> list[wire.ClipRef]:
    """What the voice sounds like: clips of the recordings that its voice.toml names, else a few training clips of the
    newest dataset, always the same ones for the same data; empty when there is none yet."""
    if given := chosen(session, voice, home):
        return given
    try:
        data = dataset(session, voice.name)
    except NotFound:
        return []
    return _some(session, voice, data, home)


def of_version(session: Session, voice: Voice, number: int, home: Path) -> list[wire.ClipRef]:
    """What the voice sounded like to a version: a few training clips of the dataset that it was trained on, always the
    same ones. Raises NotFound, and NotNow for a version whose dataset is not here."""
    row = voices.version(session, voice.name, number)
    if not row.dataset:
        sentence = f"What {voices.spelt(voice.name, number)} was trained on is not here."
        raise NotNow(sentence, f"Name the voice alone: {voice.name}.")
    return _some(session, voice, dataset(session, voice.name, row.dataset), home)


def _some(session: Session, voice: Voice, data: Dataset, home: Path) -> list[wire.ClipRef]:
    """A few training clips of a dataset, always the same ones."""
    return [_ref(voice, clip, text, home) for clip, text in _rows(session, data, held_out=False)[:REFERENCES]]


def chosen(session: Session, voice: Voice, home: Path) -> list[wire.ClipRef]:
    """Clips of the recordings that the voice's voice.toml names as its reference; empty if it names none. Raises as
    `named` does."""
    return named(session, voice, voice.options.get("reference", []), home)


def named(session: Session, voice: Voice, names: Sequence[str], home: Path) -> list[wire.ClipRef]:
    """Kept clips that are not held out, of recordings given by name or by the start of their SHA-256. Raises NotFound
    and BadRequest, with what to do."""
    if len(names) > REFERENCES_NAMED:
        raise BadRequest(f"{len(names)} recordings are too many to sound like.", f"Name at most {REFERENCES_NAMED}.")
    found: dict[str, wire.ClipRef] = {}
    for name in names:
        of = select(Recording).where(Recording.voice == voice.name, Recording.removed.is_(None))
        begins = len(name) >= SHORTEST and not set(name.lower()) - set(string.hexdigits)
        rows = list(session.scalars(of.where(Recording.sha256.startswith(name.lower())))) if begins else []
        rows = rows or list(session.scalars(of.where(Recording.name == name)))
        if not rows:
            sentence = f"{voice.name} has no recording {name!r} to sound like."
            raise NotFound(sentence, f"`myna recordings {voice.name}` lists those there are.")
        clips = (
            select(Clip)
            .where(Clip.recording.in_([row.id for row in rows]), Clip.kept, Clip.held_out.is_(False))
            .order_by(Clip.id)
        )
        refs = [_ref(voice, clip, clip.text, home) for clip in session.scalars(clips)]
        if not refs:
            sentence = f"Nothing of {name} can be a reference: it is held out, not cut yet, or all of it was dropped."
            raise BadRequest(sentence, f"Choose another: `myna recordings {voice.name}`.")
        found |= {ref.sha256: ref for ref in refs}
    return list(found.values())


def _rows(session: Session, data: Dataset, *, held_out: bool) -> list[tuple[Clip, str]]:
    query = select(Clip, DatasetClip.text).join(DatasetClip, DatasetClip.clip == Clip.id)
    query = query.where(DatasetClip.dataset == data.id, DatasetClip.held_out.is_(held_out)).order_by(
        Clip.sha256, Clip.id
    )
    found: dict[str, tuple[Clip, str]] = {}
    for clip, text in session.execute(query):
        found.setdefault(clip.sha256, (clip, text))  # two stretches of sound that are the same bytes are one clip
    return list(found.values())


def _ref(voice: Voice, clip: Clip, text: str, home: Path, *, is_new: bool = False) -> wire.ClipRef:
    path = str(home / clip.path)
    return wire.ClipRef(
        sha256=clip.sha256,
        path=path,
        text=text,
        language=voices.language(voice.language),
        seconds=clip.end - clip.start,
        is_new=is_new,
    )
