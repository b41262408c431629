"""A dataset or a version as it leaves its voice: read from rows into one message, for a package or another voice."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from daemon.database.models import Clip, Dataset, DatasetClip, Holdout, Recording, Version, Voice
from daemon.inbox import subtitles
from daemon.state import engines, lineage, voices
from daemon.state.recordings import SUPERSEDED
from daemon.state.stamp import stamp
from proto import worker_pb2 as wire


def packed(session: Session, voice: Voice, data: Dataset) -> wire.PackedDataset:
    """The dataset: its clips with the texts they have in it, the recordings they come from, and the clips of these that
    are not kept. Held-out marks are those of the whole voice: also of what is removed, or was left out. The same rows
    give the same message."""
    contents = {
        clip: (text, held)
        for clip, text, held in session.execute(
            select(DatasetClip.clip, DatasetClip.text, DatasetClip.held_out).where(DatasetClip.dataset == data.id)
        )
    }
    of_dataset = select(Clip.recording).join(DatasetClip, DatasetClip.clip == Clip.id)
    rows = list(
        session.scalars(
            select(Recording)
            .where(Recording.id.in_(of_dataset.where(DatasetClip.dataset == data.id)))
            .order_by(Recording.sha256)
        )
    )
    result = wire.PackedDataset(
        voice=voice.name,
        language=voice.language,
        engine=voice.engine,
        number=data.number,
        created=stamp(data.created),
        recordings=[_recording(row) for row in rows],
    )
    sounds = {row.id: row.sha256 for row in rows}
    recorded = select(Recording.id).where(Recording.id.in_(of_dataset.where(DatasetClip.dataset == data.id)))
    asked = select(Clip).options(undefer(Clip.facts)).join(Recording)
    clips = session.scalars(asked.where(Clip.voice == voice.name, Clip.recording.in_(recorded)))
    for clip in sorted(clips, key=lambda clip: (sounds[clip.recording], clip.start, clip.end, clip.sha256, clip.id)):
        if clip.id in contents:
            text, held = contents[clip.id]
            result.clips.append(_clip(clip, sounds[clip.recording], text, kept=True, held_out=held))
        elif not clip.kept and clip.reason != SUPERSEDED:
            result.clips.append(_clip(clip, sounds[clip.recording], clip.text, kept=False, held_out=False))
    result.holdouts.extend(_holdouts(session, voice.name, sounds.values()))
    return result


def packed_version(session: Session, row: Version) -> wire.PackedVersion:
    """The version, but for the fingerprint of its base, which its folder has. Who accepted the base's licence here does
    not leave: whoever takes it in must have accepted it there."""
    info = engines.info(row.engine)
    names = [voices.spelt(row.voice, number) for number in lineage.ancestors(session, row)]
    return wire.PackedVersion(
        voice=row.voice,
        number=row.number,
        language=voices.get(session, row.voice).language,
        engine=row.engine,
        kind=row.kind,
        licence=info.licence,
        licence_url=info.licence_url,
        lineage=[*names, "the base"],
        created=stamp(row.created),
        metrics=voices.numbers(row.metrics),
        scored_on=str(row.metrics.get(voices.SCORED_ON, "")),
        verdict=row.verdict,
    )


def _recording(row: Recording) -> wire.PackedRecording:
    return wire.PackedRecording(
        sha256=row.sha256,
        path=row.path,
        name=row.name,
        size=row.size,
        seconds=row.seconds,
        sample_rate=row.sample_rate,
        channels=row.channels,
        codec=row.codec,
        text=row.text,
        text_from=row.text_from,
        note=row.note,
        made_from=row.made_from,
        cues=subtitles.of_row(row.cues),
    )


def _clip(row: Clip, recording: str, text: str, *, kept: bool, held_out: bool) -> wire.PackedClip:
    clip = wire.CutClip(
        start=row.start,
        end=row.end,
        text=text,
        text_source=row.text_source,
        trust=row.trust,
        kept=kept,
        reason="" if kept else row.reason,
        sentence="" if kept else row.sentence,
        sha256=row.sha256 if row.path else "",
        path=row.path,
        quality=voices.numbers(row.quality),
        facts=wire.ClipFacts.FromString(row.facts) if row.facts is not None else None,
    )
    return wire.PackedClip(recording=recording, clip=clip, held_out=held_out)


def _holdouts(session: Session, voice: str, recordings: Iterable[str]) -> list[wire.PackedHoldout]:
    """What was decided of these recordings, and what is held out of others."""
    there = set(recordings)
    query = select(Holdout).where(Holdout.voice == voice).order_by(Holdout.sha256, Holdout.block)
    return [
        wire.PackedHoldout(sha256=row.sha256, block=row.block, held=row.held, start=row.start, end=row.end)
        for row in session.scalars(query)
        if row.held or row.sha256 in there
    ]
