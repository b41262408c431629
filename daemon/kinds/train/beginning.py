"""What a run begins from: the engine's base, the parent, or the base with the parent averaged in at the end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.kinds.train import begun
from daemon.worker import versions
from engines.base import Learns, TrainableModel
from engines.files import make_folder, write_whole
from engines.training import averaging, settings
from engines.training.settings import TrainSettings
from proto import worker_pb2 as wire


@dataclass(frozen=True)
class Beginning:
    """How a run is trained, and what from."""

    settings: TrainSettings
    start: Path | None  #: the version that is trained on; None: the engine's base
    averaged: Path | None  #: the version whose weights are averaged with what was trained; None: none
    origin: str  #: as `averaging.origin`, of the weights below all that is trained; empty: not known

    def check(self, engine: Learns) -> None:
        """Raises what loading the parent raises, before hours are spent on what is averaged with it at the end."""
        if self.averaged is not None:
            engine.load(self.averaged, device="cpu")

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
    """Of a run on so many clips, `new` of them new; the same at each of its attempts. A parent that came of another
    base, or of a Myna that did not say of which, cannot be averaged with: it is trained on."""
    file = Path(plan.run_dir) / begun.FILE
    asked = {"settings": dict(overrides), "dataset": plan.dataset, "parent": Path(plan.parent_dir).name}
    with suppress(OSError, ValueError, KeyError, TypeError):  # unreadable: decided anew
        known = json.loads(file.read_text(encoding="utf-8"))
        if known["asked"] == asked:
            return _of(plan, engine, TrainSettings.from_json(known["settings"]))
    found = _decided(plan, engine, clips, new, overrides)
    make_folder(file.parent)
    said = {"asked": asked, "settings": found.settings.to_json()}
    write_whole(file, json.dumps(said, sort_keys=True).encode(), "how the run was begun")
    return found


def _decided(plan: wire.TrainPlan, engine: Learns, clips: int, new: int, overrides: Mapping[str, Any]) -> Beginning:
    chosen = settings.plan(engine.info, clips, new, plan.first, overrides)
    if plan.parent_dir and chosen.parent_share:
        about = versions.lineage(Path(plan.parent_dir)) or {}
        if about.get("kind") != "full" or about.get("origin") != averaging.origin(engine):
            alone = {**overrides, "parent_share": 0.0}
            chosen = settings.plan(engine.info, clips, new, plan.first, alone)
    return _of(plan, engine, chosen)


def _of(plan: wire.TrainPlan, engine: Learns, chosen: TrainSettings) -> Beginning:
    parent = Path(plan.parent_dir) if plan.parent_dir else None
    if parent is None or chosen.parent_share:
        return Beginning(chosen, None, parent, averaging.origin(engine))
    return Beginning(chosen, parent, None, str((versions.lineage(parent) or {}).get("origin") or ""))
