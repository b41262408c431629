"""What a training takes of disk and GPU memory, from what was measured here, else as guesses."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Run, Version
from daemon.kinds.kind import GpuNeed
from daemon.kinds.train.work import Work
from daemon.state.runs import memory_peak
from daemon.state.values import VersionKind
from engines.errors import BadInput
from engines.training import settings
from engines.training.settings import TrainSettings

if TYPE_CHECKING:
    from engines.base import EngineInfo, Learning

#: Copies of the weights that a run has on disk at its fullest: two checkpoints of weights and two optimizer moments,
#: the best, the version.
COPIES = 8
#: Copies for each checkpoint that speaks: its weights, and what would be its version.
SPOKEN_COPIES = 2
#: Bytes of cached features per second of audio: 80 mel bands of float32 every 10 ms, and as much again for what an
#: engine adds.
FEATURE_BYTES = 64_000
#: Runs of an engine among which one with the same demand for memory is looked for, and how many such are compared:
#: another voice's clips may be longer.
LOOKED_AT, COMPARED = 30, 5


def disk(session: Session, work: Work, overrides: dict[str, Any]) -> int:
    """Bytes a run takes at its fullest: of versions of its kind as they were here, else as big as the base, or a
    hundredth for adapters."""
    lora = bool(overrides.get("lora"))
    made = select(Version.size).where(Version.engine == work.info.name, (Version.kind == VersionKind.LORA) == lora)
    size = session.scalar(made.order_by(Version.id.desc()).limit(1))
    if size is None:
        base = max((file.size for file in work.info.weights), default=work.info.speak_memory // 10)
        size = base // 100 if lora else base
    spoken = int(overrides.get("spoken_checkpoints", TrainSettings.spoken_checkpoints))
    copies = COPIES + (SPOKEN_COPIES * (spoken + 1) if spoken else 0)
    return size * copies + int((work.data.seconds + work.data.held_out_seconds) * FEATURE_BYTES)


def gpu_memory(session: Session, info: EngineInfo, learning: Learning, overrides: Mapping[str, Any]) -> GpuNeed:
    """GPU memory that a training takes at most: as the newest of its kind took here, else as its engine states."""
    kind = shape(info, overrides)
    runs = select(Run).where(Run.engine == info.name, Run.step > 0).order_by(Run.id.desc()).limit(LOOKED_AT)
    alike = (run for run in session.scalars(runs) if shape_of(info, run) == kind)
    peaks = [peak for run in islice(alike, COMPARED) if (peak := memory_peak(session, run.id))]
    if peaks:
        return GpuNeed(max(peaks), measured=True)
    adapters = learning.adapters.memory if overrides.get("lora") and learning.adapters is not None else 0
    return GpuNeed(adapters or learning.memory)


def shape(info: EngineInfo, overrides: Mapping[str, Any]) -> tuple[object, ...]:
    """What of a training's settings changes the memory that it takes, and the time of a pass over a batch."""
    chosen = settings.plan(info, 1, 1, True, overrides)
    lora = (chosen.lora.rank, tuple(chosen.lora.targets)) if chosen.lora is not None else None
    return chosen.precision, min(chosen.micro_batch, chosen.batch_size), lora


def shape_of(info: EngineInfo, run: Run) -> tuple[object, ...] | None:
    """The same of a run that was; None: its engine takes its settings no more."""
    try:
        return shape(info, run.settings)
    except BadInput:
        return None
