"""How a run was begun: decided at its first attempt and written into its folder, so that a later attempt goes on by the
same settings and in the same way, whatever an engine's defaults are by then."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.state.values import VersionKind, Way
from engines.training import settings

if TYPE_CHECKING:
    from daemon.database.models import Run
    from daemon.kinds.train.work import Work
    from engines.base import EngineInfo
    from engines.training.settings import TrainSettings

#: In the run's folder.
FILE = "beginning.json"


def settings_of(run: Run, home: Path) -> dict[str, Any]:
    """A run's settings for its next attempt. One that a Myna began which did not write FILE yet goes on as that began
    it: on top of its parent, with the steps that it was to take."""
    folder = home / "runs" / str(run.id)
    older = not (folder / FILE).exists() and any((folder / "checkpoints").glob("step-*"))
    return {"steps": run.steps, **run.settings, "parent_share": 0.0} if older else dict(run.settings)


def way(parent: Mapping[str, Any] | None, chosen: TrainSettings, origin: str | None) -> Way:
    """In which way a run is trained. `parent`: its parent's `version.json`; None: it has none. `chosen`: as an
    increment's settings are, whatever the parent. `origin`: of the weights that trainings from the base begin with
    here (`averaging.origin`); None: not known, and taken for the parent's.

    An increment that is to be averaged with its parent, and cannot be since that came of another base (or does not say
    of which), leaves the parent out: trained on top of it, it would lose what it was not averaged for."""
    if parent is None:
        return Way.BASE
    if not chosen.parent_share or parent.get("kind") != VersionKind.FULL:
        return Way.ON_TOP
    same = parent.get("origin") and origin in (None, parent["origin"])
    return Way.AVERAGED if same else Way.BASE


def planned(
    info: EngineInfo,
    parent: Mapping[str, Any] | None,
    origin: str | None,
    clips: int,
    new: int,
    overrides: Mapping[str, Any],
) -> tuple[Way, TrainSettings]:
    """The way of a run on so many clips, `new` of them new, and its settings. Other arguments as `way` has them. Raises
    BadInput."""
    wanted = settings.plan(info, clips, new, parent is None, overrides)
    chosen = way(parent, wanted, origin)
    if parent is None or chosen is Way.AVERAGED:
        return chosen, wanted
    if chosen is Way.BASE:  # as a first training is
        return chosen, settings.plan(info, clips, clips, True, overrides)
    return chosen, settings.plan(info, clips, new, False, {**overrides, "parent_share": 0.0})


def expected(work: Work, clips: int, new: int, overrides: Mapping[str, Any], home: Path) -> TrainSettings:
    """A run's settings as far as can be told before a worker knows which base is here."""
    parent = None if work.parent is None else {**_about(home / work.parent.path), "kind": work.parent.kind}
    return planned(work.info, parent, None, clips, new, overrides)[1]


def _about(folder: Path) -> dict[str, Any]:
    """A version's `version.json`; empty where it cannot be read."""
    try:
        found = json.loads((folder / "version.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
