"""Datasets: immutable, numbered sets of a voice's clips, and the clips they are made of."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, insert, select
from sqlalchemy.orm import Session

from daemon.caller import Right
from daemon.database.models import Clip, Dataset, DatasetClip, Holdout, Recording, Voice, now
from daemon.errors import BadRequest, NotFound, NotNow
from daemon.state import clip_refs, events, followed, held_marks, holdout, judging, seen, voices
from daemon.state.recordings import EDITED_FIELDS, PERSON, SUPERSEDED
from daemon.state.stamp import stamp
from engines import registry
from engines.errors import BadInput
from engines.judging.reasons import Reason
from engines.text import unspeakable
from proto import myna_pb2 as pb

#: Reasons to drop a clip that a person's text for it takes away.
OF_TEXT = frozenset(
    {Reason.NOT_FOLLOWED, Reason.NOT_UNDERSTOOD, Reason.RECOGNISERS_DISAGREE, Reason.DISAGREE, Reason.NO_TEXT}
)
#: Changes of one clip that can be taken back.
CHANGES = 100


class Taken(NamedTuple):
    """What a dataset takes of a clip."""

    id: int
    sha256: str
    text: str
    held_out: bool
    start: float
    end: float


@dataclass(frozen=True)
class Chosen:
    """The clips of a dataset to be."""

    training: list[Taken]
    held_out: list[Taken]

    @property
    def contents(self) -> dict[int, tuple[str, bool]]:
        """(text, held out) by the clip's id."""
        return {clip.id: (clip.text, False) for clip in self.training} | {
            clip.id: (clip.text, True) for clip in self.held_out
        }


def build(session: Session, voice: str, job: int | None = None) -> Dataset | None:
    """Make the voice's next dataset from its kept clips, deciding what is held out. None: it would be the same as the
    newest."""
    judging.judge(session, voice)
    followed.judge(session, voice)
    decide_holdouts(session, voice)
    chosen = choose(session, voice)
    newest = last(session, voice)
    before, after = _contents(session, newest), chosen.contents
    if before == after or (newest is None and not after):
        return None
    new = [clip for clip in chosen.training if before.get(clip.id) != (clip.text, False)]
    row = Dataset(
        voice=voice,
        number=next_number(session, voice),
        job=job,
        clips=len(chosen.training),
        held_out=len(chosen.held_out),
        seconds=_seconds(chosen.training),
        held_out_seconds=_seconds(chosen.held_out),
        new_clips=len(new),
        new_seconds=_seconds(new),
        dropped=dict(dropped(session, voice)),
        created=now(),
    )
    session.add(row)
    session.flush()
    is_new = {clip.id for clip in new}
    rows = [
        {"dataset": row.id, "clip": id, "text": text, "held_out": held, "is_new": id in is_new}
        for id, (text, held) in after.items()
    ]
    if rows:  # everything may have been taken out
        session.execute(insert(DatasetClip), rows)
    events.emit(session, pb.Event(dataset=message(row)), voice)
    voices.emit_voice(session, voices.get(session, voice))
    return row


def decide_holdouts(session: Session, voice: str) -> None:
    """Store what is held out of units that were never decided, and bring the clips' marks up to date."""
    active = _active(session, voice)
    clips, sounds = defaultdict(list), {row.id: row for row in active}
    for clip in _kept(session, voice):
        clips[clip.recording].append(clip)
    decided = {(row.sha256, row.block): row for row in session.scalars(select(Holdout).where(Holdout.voice == voice))}
    trained = _trained(session, voice)
    owner = session.get(Voice, voice)
    derived = owner is not None and bool(owner.derivation)
    units = []
    for id, rows in clips.items():
        blocks: dict[int, list[holdout.Span]] = defaultdict(list)
        for clip in rows:
            blocks[holdout.block_of(clip.start, sounds[id].seconds)].append((clip.start, clip.end))
        for block, spans in blocks.items():
            sha256 = sounds[id].sha256
            stored = decided.get((sha256, block))
            decision = holdout.Decision(stored.held, stored.start, stored.end) if stored is not None else None
            # a real voice is never judged by what was made
            never = (id, block) in trained or (sounds[id].made_from != "" and not derived)
            units.append(holdout.Unit(sha256, block, tuple(sorted(spans)), decision, never))
    for (sha256, block), made in holdout.decide(units, _held_elsewhere(session, voice)).items():
        stored = decided.get((sha256, block))
        if stored is None:
            stored = Holdout(voice=voice, sha256=sha256, block=block, decided=now())
            session.add(stored)
        stored.held, stored.start, stored.end = made.held, made.start, made.end
    session.flush()
    held_marks.mark(session, voice, clips, {id: row.sha256 for id, row in sounds.items()})


def choose(session: Session, voice: str) -> Chosen:
    """Training and held-out clips of the next dataset. More held-out clips than LIMIT (a held stretch was cut finer)
    are left out of both; those that were held-out in a dataset before come first. The same sound twice is one clip, and
    held-out wins, or else the recording that came first: which was cut first may depend on where a worker was
    killed."""
    # not whole rows: a scheduler asks this too
    asked = select(Clip.id, Clip.sha256, Clip.text, Clip.held_out, Clip.start, Clip.end).join(
        Recording, Recording.id == Clip.recording
    )
    asked = asked.where(*_is_kept(voice)).order_by(Recording.id, Clip.start, Clip.id)
    rows = [Taken(*row.tuple()) for row in session.execute(asked)]
    held_before = (
        select(DatasetClip.clip).join(Dataset, Dataset.id == DatasetClip.dataset).where(Dataset.voice == voice)
    )
    seen = set(session.scalars(held_before.where(DatasetClip.held_out)))
    held = _once(sorted((row for row in rows if row.held_out), key=lambda row: row.id not in seen))[: holdout.LIMIT]
    sounds = {row.sha256 for row in rows if row.held_out}
    return Chosen(_once([row for row in rows if not row.held_out and row.sha256 not in sounds]), held)


def is_outdated(session: Session, voice: str) -> bool:
    """Whether a text or a clip was changed after the newest dataset: `build` would have something to do."""
    return choose(session, voice).contents != _contents(session, last(session, voice))


def next_number(session: Session, voice: str) -> int:
    newest = last(session, voice)
    return (newest.number if newest is not None else 0) + 1


def dropped(session: Session, voice: str) -> Counter[str]:
    """Clips of the voice's recordings that are not kept, by reason."""
    query = select(Clip.reason, func.count()).join(Recording, Recording.id == Clip.recording)
    query = query.where(
        Clip.voice == voice, Clip.kept.is_(False), Clip.reason != SUPERSEDED, Recording.removed.is_(None)
    )
    return Counter({reason or PERSON: count for reason, count in session.execute(query.group_by(Clip.reason))})


def last(session: Session, voice: str) -> Dataset | None:
    """The newest dataset."""
    return voices.newest_dataset(session, voice)


def get(session: Session, voice: str, number: int) -> Dataset:
    """Number 0: the newest. Raises NotFound."""
    voices.get(session, voice)
    return clip_refs.dataset(session, voice, number)


def page(session: Session, voice: str, before: int, size: int) -> list[Dataset]:
    """Newest first, with a number below `before` (0: from the newest)."""
    query = select(Dataset).order_by(Dataset.id.desc()).limit(size)
    if (where := seen.voices_where(session, Dataset.voice, Right.READ)) is not None:
        query = query.where(where)
    if voice:
        voices.get(session, voice)
        query = query.where(Dataset.voice == voice)
    return list(session.scalars(query.where(Dataset.id < before) if before else query))


def set_clip(session: Session, voice: str, sha256: str, text: str | None, kept: bool | None) -> Clip:
    """What a person says of a clip: its text, whether it is kept; neither: that it is right as it is. It shows in the
    next dataset. Raises NotFound, and BadRequest for a text that the voice's engine cannot learn."""
    rows = clips(session, voice, sha256)
    if text is not None:
        _check_text(voices.get(session, voice), text)
    for row in rows:
        before = _edited_fields(row)
        if text is not None:
            row.text, row.text_source = " ".join(text.split()), PERSON
            if row.reason in OF_TEXT:  # a text was all that it waited for
                row.kept, row.reason, row.sentence = True, "", ""
        if kept is not None:
            row.kept = kept
            row.reason, row.sentence = ("", "") if kept else (PERSON, "A person took it out.")
        row.trust = PERSON
        if _edited_fields(row) != before:
            row.before = [*row.before, before][-CHANGES:]
    return rows[0]


def _check_text(voice: Voice, text: str) -> None:
    language = voices.language(voice.language)
    if voice.engine not in registry.ENGINES:
        return  # whoever trains the voice is told
    try:
        unspeakable.check_learnable(voice.engine, text, registry.unspeakable(voice.engine, text, language))
    except BadInput as error:
        raise BadRequest(str(error), error.hint) from None


def undo_clip(session: Session, voice: str, sha256: str, wanted: pb.Clip) -> Clip:
    """Take back what a person said of a clip: the last change or, if `wanted` says how the clip was, all since it was
    so. It becomes what is remembered of it, never what is asked for. Raises NotFound, NotNow if it never was like
    that."""
    rows = clips(session, voice, sha256)
    like = {name: getattr(wanted, name) for name in EDITED_FIELDS}
    undone = [row for row in rows if _back(row, like if any(like.values()) else None)]
    if not undone:
        sentence = f"The clip {sha256[:12]} of {voice} was not changed by a person from that."
        raise NotNow(sentence, f"`myna clip {voice} {sha256[:12]}` sets its text, or whether it is kept.")
    return undone[0]


def _edited_fields(row: Clip) -> dict[str, Any]:
    return {name: getattr(row, name) for name in EDITED_FIELDS}


def _back(row: Clip, like: dict[str, Any] | None) -> bool:
    """Undo the changes since the clip was like this (None: the last one). False: it never was."""
    for place in reversed(range(len(row.before))):
        if like in (None, row.before[place]):
            for name, value in row.before[place].items():
                setattr(row, name, value)
            row.before = row.before[:place]
            return True
    return False


def clips(session: Session, voice: str, sha256: str) -> list[Clip]:
    """The voice's clips of that sound: one, or as many as there are equal recordings. Raises NotFound."""
    voices.get(session, voice)
    rows = list(
        session.scalars(select(Clip).where(Clip.voice == voice, Clip.sha256 == sha256, Clip.reason != SUPERSEDED))
    )
    if not sha256 or not rows:
        raise NotFound(f"{voice} has no clip {sha256[:12]}.", f"`myna clips {voice}` lists them.")
    return rows


def clip_path(session: Session, voice: str, sha256: str) -> str:
    """The clip's FLAC file, relative to home. Raises NotFound."""
    return clips(session, voice, sha256)[0].path


def message(row: Dataset) -> pb.Dataset:
    """The dataset on the wire."""
    return pb.Dataset(
        voice=row.voice,
        number=row.number,
        clips=row.clips,
        held_out=row.held_out,
        seconds=row.seconds,
        held_out_seconds=row.held_out_seconds,
        new_clips=row.new_clips,
        dropped={reason: int(count) for reason, count in row.dropped.items()},
        created=stamp(row.created),
    )


def said(row: Dataset) -> str:
    """The dataset in a sentence."""
    lost = sum(row.dropped.values())
    return (
        f"Dataset #{row.number}: {row.clips} clips to train on ({row.seconds:.0f} s, {row.new_clips} new), "
        f"{row.held_out} held out, {lost} dropped."
    )


def _active(session: Session, voice: str) -> list[Recording]:
    return list(session.scalars(select(Recording).where(Recording.voice == voice, Recording.removed.is_(None))))


def _kept(session: Session, voice: str) -> list[Clip]:
    """Kept clips of recordings that were not removed, in the order they came."""
    query = select(Clip).join(Recording, Recording.id == Clip.recording)
    return list(session.scalars(query.where(*_is_kept(voice)).order_by(Clip.id)))


def _is_kept(voice: str) -> tuple[ColumnElement[bool], ...]:
    return (Clip.voice == voice, Clip.kept.is_(True), Recording.removed.is_(None))


def _trained(session: Session, voice: str) -> set[tuple[int, int]]:
    """(recording, block) of units that have a clip, or the same sound as a clip, that was ever in a dataset to train
    on."""
    sounds = select(Clip.sha256).join(DatasetClip, DatasetClip.clip == Clip.id)
    sounds = sounds.where(Clip.voice == voice, DatasetClip.held_out.is_(False))
    query = select(Clip.recording, Clip.start, Recording.seconds).join(Recording, Recording.id == Clip.recording)
    query = query.where(Clip.voice == voice, Clip.sha256.in_(sounds))
    return {(recording, holdout.block_of(start, seconds)) for recording, start, seconds in session.execute(query)}


def _held_elsewhere(session: Session, voice: str) -> int:
    """Held-out clips of removed recordings."""
    query = select(func.count()).select_from(Clip).join(Recording, Recording.id == Clip.recording)
    return (
        session.scalar(query.where(Clip.voice == voice, Clip.kept, Clip.held_out, Recording.removed.is_not(None))) or 0
    )


def _contents(session: Session, dataset: Dataset | None) -> dict[int, tuple[str, bool]]:
    if dataset is None:
        return {}
    query = select(DatasetClip.clip, DatasetClip.text, DatasetClip.held_out).where(DatasetClip.dataset == dataset.id)
    return {clip: (text, held) for clip, text, held in session.execute(query)}


def _once(rows: list[Taken]) -> list[Taken]:
    found: dict[str, Taken] = {}
    for row in rows:
        found.setdefault(row.sha256, row)
    return list(found.values())


def _seconds(rows: list[Taken]) -> float:
    return sum(row.end - row.start for row in rows)
