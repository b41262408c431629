"""Trainings that ended on this machine, as `foresight` learns from them; and scorings and cuttings, which come after
and before a training."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from daemon.database.models import (
    Clip,
    Dataset,
    DatasetClip,
    Evaluation,
    Job,
    PointRow,
    Recording,
    Run,
    SeriesRow,
    Version,
    Voice,
)
from daemon.kinds.train import batches, cost
from daemon.kinds.train.foresight import LOOKED_AT, PastRun, Wanted
from daemon.state import runs, spent
from engines.training import settings
from proto import myna_pb2 as pb

if TYPE_CHECKING:
    from engines.base import EngineInfo
    from engines.training.settings import TrainSettings

#: runs of an engine among which those like one are looked for
SEARCHED = 60
#: where a run was trained: another machine's name (empty: this one), a GPU of this one by UUID (empty: the CPU), and
#: whether that other machine lent a GPU
Device = tuple[str, str, bool]
#: points of a run that tell how long a step alone takes: the newest
POINTS = 500


@dataclass(frozen=True)
class Past:
    """What is known of a kind of training."""

    runs: tuple[PastRun, ...]  #: newest first
    unmetered: tuple[pb.Unmetered.ValueType, ...]  #: what their energy lacks


def like(session: Session, info: EngineInfo, overrides: Mapping[str, Any]) -> Past:
    """Trainings of the engine with settings that take as long (precision, clips in a pass, adapters), on the device of
    the newest. Where there are none, the newest one with other settings, alone: one run is trusted little."""
    query = select(Run).where(Run.engine == info.name, Run.step > 0).order_by(Run.id.desc()).limit(SEARCHED)
    rows = [row for row in session.scalars(query) if row.result.get("seconds", 0) > 0]
    wanted = cost.shape(info, overrides)
    shaped = [(row, shape) for row in rows if (shape := cost.shape_of(info, row)) is not None]
    alike = [row for row, shape in shaped if shape == wanted]
    found, unmetered = [], set()
    for row in _on_one_device(session, alike or [row for row, _ in shaped[:1]]):
        one, lacks = _past(session, info, row)
        if one is not None:
            found.append(one)
            unmetered |= lacks
        if len(found) == LOOKED_AT:
            break
    return Past(tuple(found), tuple(sorted(unmetered)))


def wanted(
    session: Session, info: EngineInfo, data: Dataset, parent: int, overrides: Mapping[str, Any], planned: int
) -> Wanted:
    """A training on that dataset, from that version of its voice (0: the base)."""
    chosen = settings.plan(info, 1, 1, not parent, {**overrides, "steps": planned})
    return Wanted(_audio(session, data, parent, chosen), planned, chosen.patience, chosen.spaced())


def scorings(session: Session, engine: str) -> list[tuple[float, float]]:
    """(held-out lines, seconds at work) of scorings of the engine's versions, newest first."""
    query = (
        select(Evaluation.job, Dataset.held_out)
        .join(Version, (Version.voice == Evaluation.voice) & (Version.number == Evaluation.version))
        .join(Dataset, (Dataset.voice == Version.voice) & (Dataset.number == Version.dataset))
        .where(Version.engine == engine, Dataset.held_out > 0)
        .order_by(Evaluation.id.desc())
        .limit(LOOKED_AT)
    )
    timed = [(float(lines), spent.of_job(session, job).seconds) for job, lines in session.execute(query).tuples()]
    return [(lines, seconds) for lines, seconds in timed if seconds]


def cuttings(session: Session, engine: str) -> list[tuple[float, float]]:
    """(seconds of recordings that were cut, seconds at work) of dataset jobs of the engine's voices, newest first."""
    query = (
        select(Job)
        .join(Voice, Voice.name == Job.voice)
        .where(Job.kind == "dataset", Job.state == "succeeded", Voice.engine == engine)
        .order_by(Job.id.desc())
        .limit(SEARCHED)
    )
    found = []
    for job in session.scalars(query):
        if job.started is None or job.ended is None:
            continue
        within = Recording.voice == job.voice, Recording.cut.between(job.started, job.ended)
        cut = session.scalar(select(func.sum(Recording.seconds)).where(*within)) or 0.0
        if cut and (took := spent.of_job(session, job.id).seconds):
            found.append((cut, took))
    return found


def uncut(session: Session, voice: str) -> float:
    """Seconds of the voice's recordings that have no clips yet."""
    waiting = Recording.voice == voice, Recording.cut.is_(None), Recording.removed.is_(None)
    return session.scalar(select(func.sum(Recording.seconds)).where(*waiting)) or 0.0


def _on_one_device(session: Session, rows: list[Run]) -> Iterator[Run]:
    """Those that were trained where the newest was."""
    first: Device | None = None
    for row in islice(rows, SEARCHED):
        job = session.get(Job, row.job)
        use = pb.GpuUse.FromString(job.gpu) if job is not None and job.gpu is not None else pb.GpuUse()
        where = use.node, use.uuid, bool(use.node and use.indices)
        first = first or where
        if where == first:
            yield row


def _past(session: Session, info: EngineInfo, row: Run) -> tuple[PastRun | None, set[pb.Unmetered.ValueType]]:
    """A run as it is learned from, and what its energy lacks; None: too little is known of it."""
    data = session.scalars(select(Dataset).where(Dataset.voice == row.voice, Dataset.number == row.dataset)).first()
    if data is None or not data.clips:
        return None, set()
    chosen = settings.plan(info, 1, 1, not row.from_version, {**row.settings, "steps": row.steps or row.step})
    total = spent.of_job(session, row.job)
    one = PastRun(
        _audio(session, data, row.from_version, chosen),
        row.steps or row.step,
        row.step,
        float(row.result["seconds"]),
        total.seconds or None,
        _step_alone(session, row.id),
        chosen.patience,
        total.joules,
        len((row.result.get("selection") or {}).get("heard", ())),
        row.result.get(runs.BEFORE),
        chosen.spaced(),
        len((row.result.get("selection") or {}).get("samples", ())),
    )
    return one, set(total.unmetered) if total.joules is not None else set()


def _audio(session: Session, data: Dataset, parent: int, chosen: TrainSettings) -> float:
    """Seconds of a batch, as it is padded."""
    length = select(Clip.end - Clip.start).join(DatasetClip, DatasetClip.clip == Clip.id)
    length = length.where(DatasetClip.dataset == data.id, DatasetClip.held_out.is_(False))
    lengths = list(session.scalars(length.order_by(Clip.sha256).limit(batches.ENOUGH)))
    clips = _an_epoch(session, data, parent, chosen)
    if lengths:
        return batches.padded(lengths, clips, chosen.batch_size)
    return data.seconds / data.clips * min(chosen.batch_size, clips) if data.clips else 0.0


def _an_epoch(session: Session, data: Dataset, parent: int, chosen: TrainSettings) -> int:
    """Clips that an epoch goes over: all of them, or those that the parent does not know and a share of the others."""
    if not parent or chosen.parent_share:
        return data.clips
    before, older = aliased(DatasetClip), aliased(Dataset)
    known = (
        select(before.clip)
        .join(older, older.id == before.dataset)
        .join(Version, (Version.voice == older.voice) & (Version.dataset == older.number))
        .where(Version.voice == data.voice, Version.number == parent, before.held_out.is_(False))
        .where(before.clip == DatasetClip.clip, before.text == DatasetClip.text)
    )
    fresh = select(func.count()).where(DatasetClip.dataset == data.id, DatasetClip.held_out.is_(False))
    new = session.scalar(fresh.where(~known.exists())) or data.clips
    share = chosen.old_clip_share
    return new + min(data.clips - new, round(new * share / (1 - share))) if new < data.clips else data.clips


def _step_alone(session: Session, run: int) -> float | None:
    """Median seconds of a step, without what is between steps."""
    series = select(SeriesRow.id).where(SeriesRow.run == run, SeriesRow.name == "seconds_per_step").scalar_subquery()
    newest = select(PointRow.value).where(PointRow.series == series, PointRow.value.is_not(None))
    values = list(session.scalars(newest.order_by(PointRow.step.desc()).limit(POINTS)))
    return statistics.median(value for value in values if value is not None) if values else None
