"""Derived voices: made from the clips of another voice, of which nobody recorded anything. Rows of what is made.

A made clip is a recording of its own whose `made_from` names the clip it was made from, so that whatever is cut from it
later is known to be made, too. It is held out where that one is, and never otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import MADE, Clip, Dataset, DatasetClip, Holdout, Job, Recording, Voice, now
from daemon.database.store import caller_of
from daemon.state import clip_refs, heard_language, voices
from engines.traits import Reached, Traits
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

#: Of the parent's voice.toml: names recordings that the derived voice has not.
NOT_INHERITED = ("reference", heard_language.OPTION)
#: Among a clip's numbers: what was measured of it against the clip it was made from.
PITCH, PACE, LIVELINESS = "made_pitch", "made_pace", "made_liveliness"


def traits_of(spec: pb.DeriveSpec) -> Traits:
    """What is asked for. Raises BadInput for what is out of bounds."""
    return Traits(
        pitch=spec.pitch,
        pace=spec.pace if spec.HasField("pace") else 1.0,
        liveliness=spec.liveliness if spec.HasField("liveliness") else 1.0,
    )


def begin(session: Session, spec: pb.DeriveSpec, traits: Traits) -> Voice:
    """The row of the voice to be made: of its parent's language and engine, trained and promoted by its parent's
    rules."""
    parent = voices.get(session, spec.parent)
    row = Voice(
        name=spec.voice,
        language=parent.language,
        engine=parent.engine,
        options={key: value for key, value in parent.options.items() if key not in NOT_INHERITED},
        derivation={
            "voice": parent.name,
            "pitch": traits.pitch,
            "pace": traits.pace,
            "liveliness": traits.liveliness,
        },
        created=now(),
        owner=caller_of(session).name or None,
    )
    session.add(row)
    voices.emit_voice(session, row)
    return row


def missing(session: Session, spec: pb.DeriveSpec) -> list[tuple[Clip, str]]:
    """Clips of the parent's dataset, with their texts, that nothing was made from yet: those held out first, since
    they are what the voice is judged by."""
    data = clip_refs.dataset(session, spec.parent, spec.dataset)
    made = select(Recording.made_from).where(Recording.voice == spec.voice, MADE)
    query = select(Clip, DatasetClip.text).join(DatasetClip, DatasetClip.clip == Clip.id)
    query = query.where(DatasetClip.dataset == data.id, Clip.sha256.not_in(made))
    return list(session.execute(query.order_by(DatasetClip.held_out.desc(), Clip.sha256, Clip.id)).tuples())


def store(session: Session, spec: pb.DeriveSpec, made: wire.ClipMade) -> None:
    """Store a made clip: its recording, its clip, whether it is held out. The same report again changes nothing, and so
    does another clip that came out as the same sound."""
    there = select(Recording.id).where(Recording.voice == spec.voice)
    same = there.where((Recording.made_from == made.made_from) | (Recording.sha256 == made.clip.sha256))
    if session.scalars(same).first() is not None:
        return
    source, name, held = _source(session, spec, made.made_from)
    recording = Recording(
        voice=spec.voice,
        sha256=made.clip.sha256,
        name=name,
        path=made.clip.path,
        size=made.size,
        seconds=made.clip.end,
        sample_rate=made.sample_rate,
        channels=1,
        codec="flac",
        text=made.clip.text,
        made_from=made.made_from,
        added=now(),
        cut=now(),
    )
    session.add(recording)
    session.flush()
    reached = {PITCH: made.reached.pitch, PACE: made.reached.pace, LIVELINESS: made.reached.liveliness}
    clip = made.clip
    session.add(
        Clip(
            voice=spec.voice,
            recording=recording.id,
            sha256=clip.sha256,
            path=clip.path,
            start=clip.start,
            end=clip.end,
            text=clip.text,
            text_source=source.text_source,
            trust=source.trust,
            kept=clip.kept,
            reason=clip.reason,
            sentence=clip.sentence,
            quality={**clip.quality, **{key: value for key, value in reached.items() if value == value}},
        )
    )
    stretch = {"start": 0.0, "end": clip.end} if held else {}
    session.add(Holdout(voice=spec.voice, sha256=clip.sha256, block=0, held=held, decided=now(), **stretch))


def reached(session: Session, voice: str) -> Reached:
    """How far the traits came out, in the median over the clips that were made."""
    query = select(Clip.quality).join(Recording, Recording.id == Clip.recording)
    rows = session.scalars(query.where(Clip.voice == voice, MADE))
    each: Sequence[Reached] = [
        Reached(*(float(row.get(key, math.nan)) for key in (PITCH, PACE, LIVELINESS))) for row in rows
    ]
    return Reached.typical(each)


def lineage(session: Session, row: Voice) -> dict[str, Any] | None:
    """What the reports of a derived voice's versions tell of it, as plain values; None: it was recorded."""
    if not row.derivation:
        return None
    came = reached(session, row.name)
    measured = {key: value for key, value in asdict(came).items() if math.isfinite(value)}
    return {**row.derivation, "reached": measured}


def renamed(session: Session, old: str, new: str) -> None:
    """A voice has another name: voices that were derived from it, and jobs that derive some, say so."""
    for row in session.scalars(select(Voice)):
        if row.derivation.get("voice") == old:
            row.derivation = {**row.derivation, "voice": new}
    for job in session.scalars(select(Job).where(Job.kind == "derive")):
        spec = pb.JobSpec.FromString(job.spec)
        if spec.derive.parent == old:
            spec.derive.parent = new
            job.spec = spec.SerializeToString()


def _source(session: Session, spec: pb.DeriveSpec, sha256: str) -> tuple[Clip, str, bool]:
    """(the parent's clip, the name of its recording, whether it is held out)."""
    query = select(Clip, Recording.name, DatasetClip.held_out)
    query = query.join(DatasetClip, DatasetClip.clip == Clip.id).join(Dataset, Dataset.id == DatasetClip.dataset)
    query = query.join(Recording, Recording.id == Clip.recording)
    query = query.where(Dataset.voice == spec.parent, Dataset.number == spec.dataset, Clip.sha256 == sha256)
    clip, name, held = session.execute(query.order_by(DatasetClip.held_out.desc())).tuples().first() or _gone(sha256)
    return clip, name, held


def _gone(sha256: str) -> tuple[Clip, str, bool]:
    raise LookupError(f"the clip {sha256} is in no dataset of the parent")  # datasets never change: a fault of ours
