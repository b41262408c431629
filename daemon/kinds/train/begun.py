"""How a run was begun: decided at its first attempt and written into its folder, so that a later attempt goes on by the
same settings, whatever an engine's defaults are by then."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.state.values import VersionKind

if TYPE_CHECKING:
    from daemon.database.models import Run
    from daemon.kinds.train.work import Work

#: In the run's folder.
FILE = "beginning.json"


def settings_of(run: Run, home: Path) -> dict[str, Any]:
    """A run's settings for its next attempt. One that a Myna began which did not write FILE yet goes on as that began
    it: on top of its parent, with the steps that it was to take."""
    folder = home / "runs" / str(run.id)
    older = not (folder / FILE).exists() and any((folder / "checkpoints").glob("step-*"))
    return {"steps": run.steps, **run.settings, "parent_share": 0.0} if older else dict(run.settings)


def expected(work: Work, overrides: Mapping[str, Any], home: Path) -> dict[str, Any]:
    """Settings as a run is expected to have them: a parent that does not say of which base it came is not averaged
    with."""
    found = dict(overrides)
    if work.parent is None or (work.parent.kind == VersionKind.FULL and _about(home / work.parent.path).get("origin")):
        return found
    return {**found, "parent_share": 0.0}


def _about(folder: Path) -> dict[str, Any]:
    """A version's `version.json`; empty where it cannot be read."""
    try:
        found = json.loads((folder / "version.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
