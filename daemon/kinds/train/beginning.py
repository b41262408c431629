"""What a run begins from: the engine's base, the parent, or the base with the parent averaged in at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.worker import versions
from engines.base import Learns, TrainableModel
from engines.training import averaging, settings
from engines.training.settings import TrainSettings
from proto import worker_pb2 as wire


@dataclass(frozen=True)
class Beginning:
    """How a run is trained, and what from."""

    settings: TrainSettings
    start: Path | None  #: the version that is trained on; None: the engine's base
    averaged: Path | None  #: the version whose weights are averaged with what was trained; None: none

    def finish(self, engine: Learns, model: TrainableModel) -> None:
        """Make of trained weights what the version has."""
        if self.averaged is not None:
            parent = engine.load(self.averaged, device="cpu")
            averaging.average(model, parent.module.state_dict(), self.settings.parent_share)

    def source(self, voice: str, engine: str) -> str:
        """For the log."""
        if self.start is not None:
            return f"{voice}@{self.start.name}"
        base = f"the base of {engine}"
        return base if self.averaged is None else f"{base}, to be averaged with {voice}@{self.averaged.name},"


def beginning(plan: wire.TrainPlan, engine: Learns, clips: int, new: int, overrides: Mapping[str, Any]) -> Beginning:
    """Of a run on so many clips, `new` of them new. A parent that came of another base, or of a Myna that did not say
    of which, cannot be averaged with: it is trained on."""
    chosen = settings.plan(engine.info, clips, new, plan.first, overrides)
    parent = Path(plan.parent_dir) if plan.parent_dir else None
    if parent is None or not chosen.parent_share:
        return Beginning(chosen, parent, None)
    about = versions.lineage(parent) or {}
    if about.get("kind") == "full" and about.get("origin") == averaging.origin(engine):
        return Beginning(chosen, None, parent)
    alone = settings.plan(engine.info, clips, new, plan.first, {**overrides, "parent_share": 0.0})
    return Beginning(alone, parent, None)
