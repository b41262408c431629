"""A training that can be done in another home: what its plan names, as items, and paths that are relative to the home.

For trainings only: other kinds of job stay on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from daemon.far.values import BadFile, inside
from engines import recognisers, weights
from engines.files import TEMPORARY
from proto import worker_pb2 as wire

#: Stands for the home in a variable of the worker.
HOME = "@home"
#: How the worker's threads compute, which reaches the weights; said by mynad's settings and the launcher.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


def is_portable(start: wire.Start) -> bool:
    """This kind of plan can be done elsewhere."""
    return start.WhichOneof("plan") == "train"


def relative(start: wire.Start) -> wire.Start:
    """The same with paths relative to the home."""
    home = Path(start.home)

    def cut(path: str) -> str:
        try:
            return Path(path).relative_to(home).as_posix()
        except ValueError:
            raise BadFile(f"{path} is not in the home {home}") from None

    return _moved(start, "", cut)


def absolute(start: wire.Start, home: Path) -> wire.Start:
    """The same in that home. Raises BadFile for a path that leads out of it."""
    return _moved(start, str(home), lambda path: str(inside(home, path)))


def _moved(start: wire.Start, home: str, move: Callable[[str], str]) -> wire.Start:
    moved = wire.Start.FromString(start.SerializeToString())
    moved.home = home
    plan = moved.train
    plan.run_dir, plan.out_dir = move(plan.run_dir), move(plan.out_dir)
    plan.parent_dir = move(plan.parent_dir) if plan.parent_dir else ""
    for clip in (*plan.clips, *plan.held_out, *plan.reference):
        clip.path = move(clip.path)
    return moved


def keeps(plan: wire.TrainPlan) -> tuple[str, str]:
    """Folders that a training leaves behind; of a plan with relative paths."""
    return plan.run_dir, plan.out_dir


def files(folder: Path) -> Iterator[Path]:
    """All files of a folder that are whole, in order; none where it is not there."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part.startswith(TEMPORARY) for part in path.relative_to(folder).parts):
            yield path


def inputs(plan: wire.TrainPlan, home: Path, *, run: bool) -> dict[str, Path]:
    """What the training reads, apart from what an attempt elsewhere left: files here, by path relative to the home.
    `run`: with the run's own folder. Raises BadFile for a clip that is not there."""
    found: dict[str, Path] = {}
    for clip in (*plan.clips, *plan.held_out, *plan.reference):
        found[clip.path] = home / clip.path
        if not found[clip.path].is_file():
            raise BadFile(f"the clip {clip.sha256[:12]} is not in its place")
    folders = [plan.parent_dir] if plan.parent_dir else []
    for folder in [*folders, *(keeps(plan) if run else ())]:
        found |= {path.relative_to(home).as_posix(): path for path in files(home / folder)}
    for folder, place in _models(plan, home).items():
        found |= {f"{folder}/{path.relative_to(place).as_posix()}": path for path in files(place)}
    return found


def environment(plan: wire.TrainPlan, home: Path) -> dict[str, str]:
    """Variables of the worker."""
    named = {name: os.environ[name] for name in THREADS if name in os.environ}
    base, whisper = weights.variable(plan.engine), recognisers.ENVIRONMENT
    models = _models(plan, home)
    for variable, folder in ((base, f"engines/{plan.engine}"), (whisper, "weights/whisper")):
        if os.environ.get(variable) and folder in models:
            named[variable] = f"{HOME}/{folder}"
    return named


def _models(plan: wire.TrainPlan, home: Path) -> dict[str, Path]:
    """Folders of the engine's base and of the recogniser that do not ship with Myna: where they lie here, by where
    they lie in a home."""
    base = weights.folder(plan.engine, home)
    whisper = Path(os.environ.get(recognisers.ENVIRONMENT) or home / "weights" / "whisper")
    found = {f"engines/{plan.engine}": base, "weights/whisper": whisper}
    return {name: place for name, place in found.items() if place.is_dir()}


def may_be_set(variable: str) -> bool:
    """An attempt may set it, and what this machine has of it says nothing: threads, and where models lie."""
    base = variable.startswith("MYNA_") and variable.endswith("_BASE")
    return variable in THREADS or variable == recognisers.ENVIRONMENT or base
