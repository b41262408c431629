"""What a run begins from: the engine's base, the parent, or the base with the parent averaged in at the end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.kinds.train import begun
from daemon.state.values import Way
from daemon.worker import versions
from engines.base import Features, Finishes, Learns, TrainableModel
from engines.files import make_folder, write_whole
from engines.training import averaging
from engines.training.settings import TrainSettings
from proto import worker_pb2 as wire


@dataclass(frozen=True)
class Beginning:
    """How a run is trained, and what from."""

    settings: TrainSettings
    way: Way
    start: Path | None  #: the version that is trained on; None: the engine's base
    averaged: Path | None  #: the version whose weights are averaged with what was trained; None: none
    origin: str  #: as `averaging.origin`, of the weights below all that is trained; empty: not known

    def without_parent(self, plan: wire.TrainPlan) -> wire.TrainPlan:
        """The plan, with no parent where that has no part in what is made."""
        if self.way is not Way.BASE:
            return plan
        found = wire.TrainPlan()
        found.CopyFrom(plan)
        found.parent_dir = found.parent_uuid = ""
        return found

    def check(self, engine: Learns) -> None:
        """Raises what loading the parent raises, before hours are spent on what is averaged with it at the end."""
        if self.averaged is not None:
            engine.load(self.averaged, device="cpu")

    def finish(self, engine: Learns, features: Sequence[Features], model: TrainableModel) -> None:
        """Make of weights that were trained on clips with these features what the version has."""
        if self.averaged is not None:
            parent = engine.load(self.averaged, device="cpu")
            averaging.average(model, parent.module.state_dict(), self.settings.parent_share)
        if isinstance(engine, Finishes):
            engine.finish(model, features)

    def source(self, voice: str, engine: str) -> str:
        """For the log."""
        if self.start is not None:
            return f"{voice}@{self.start.name}"
        base = f"the base of {engine}"
        return base if self.averaged is None else f"{base}, to be averaged with {voice}@{self.averaged.name},"


def beginning(plan: wire.TrainPlan, engine: Learns, clips: int, new: int, overrides: Mapping[str, Any]) -> Beginning:
    """Of a run on so many clips, `new` of them new; the same at each of its attempts."""
    file = Path(plan.run_dir) / begun.FILE
    asked = {"settings": dict(overrides), "dataset": plan.dataset, "parent": Path(plan.parent_dir).name}
    with suppress(OSError, ValueError, KeyError, TypeError):  # unreadable: decided anew
        known = json.loads(file.read_text(encoding="utf-8"))
        if known["asked"] == asked:
            chosen = TrainSettings.from_json(known["settings"])
            return _of(plan, engine, _way(plan, chosen, known), chosen)
    parent = versions.lineage(Path(plan.parent_dir)) or {} if plan.parent_dir else None
    way, chosen = begun.planned(engine.info, parent, averaging.origin(engine), clips, new, overrides)
    found = _of(plan, engine, way, chosen)
    make_folder(file.parent)
    said = {"asked": asked, "way": found.way, "settings": found.settings.to_json()}
    write_whole(file, json.dumps(said, sort_keys=True).encode(), "how the run was begun")
    return found


def _way(plan: wire.TrainPlan, chosen: TrainSettings, known: Mapping[str, Any]) -> Way:
    """Of a run that was begun. A Myna that did not write it trained on top of what was not averaged."""
    if "way" in known:
        return Way(known["way"])
    if not plan.parent_dir:
        return Way.BASE
    return Way.AVERAGED if chosen.parent_share else Way.ON_TOP


def _of(plan: wire.TrainPlan, engine: Learns, way: Way, chosen: TrainSettings) -> Beginning:
    parent = Path(plan.parent_dir) if plan.parent_dir else None
    if way is Way.ON_TOP and parent is not None:
        return Beginning(chosen, way, parent, None, str((versions.lineage(parent) or {}).get("origin") or ""))
    return Beginning(chosen, way, None, parent if way is Way.AVERAGED else None, averaging.origin(engine))
