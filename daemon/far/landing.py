"""What a training elsewhere left, in its places in the home: whole, synced, and never over what is another's."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from daemon.far import line
from daemon.far.line import Line
from daemon.far.portable import files
from daemon.far.shared_store import SharedStore
from daemon.far.values import BadFile, Item, inside
from daemon.home import identity, run_folder
from engines.files import TEMPORARY, disk_full_is_a_sentence, make_folder, sync_folder
from proto import worker_pb2 as wire


def claim(plan: wire.TrainPlan, to_mynad: Line) -> None:
    """Have the run's folder, as the worker does where it works in the home itself."""
    mark = identity.Mark(plan.home_uuid, plan.run_uuid)
    aside = identity.claim(Path(plan.run_dir), mark, plan.unmarked_from)
    if aside is not None:
        sentence = f"{plan.run_dir} belonged to another training. It is in {aside} now, untouched."
        to_mynad.send(line.notice(sentence, "`myna adopt --dry-run` lists what the database does not know."))


def land(plan: wire.TrainPlan, store: SharedStore, items: Sequence[Item]) -> None:
    """Put an attempt's outputs into the run's folder and the version's. The run's checkpoints become those that came;
    a version of this run that is there already stays. Raises BadFile and DiskFull: then neither folder has changed,
    or has all of it."""
    home = _home(plan)
    folders = [Path(folder).relative_to(home).as_posix() for folder in (plan.run_dir, plan.out_dir)]
    places = {inside(home, item.path, folders): item for item in items}
    with disk_full_is_a_sentence("what the other machine made"):
        for folder in map(Path, (plan.out_dir, plan.run_dir)):
            found = {place.relative_to(folder): item for place, item in places.items() if place.is_relative_to(folder)}
            if found:
                _land(folder, found, store, plan, version=folder == Path(plan.out_dir))


def _land(folder: Path, found: dict[Path, Item], store: SharedStore, plan: wire.TrainPlan, *, version: bool) -> None:
    make_folder(folder.parent)
    for leftover in folder.parent.glob(f"{TEMPORARY}{folder.name}-far-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    aside = folder.parent / f"{TEMPORARY}{folder.name}-far-{os.getpid()}"
    try:
        for name, item in found.items():
            store.fetch(item, aside / name)
        if identity.read(aside) != identity.Mark(plan.home_uuid, plan.run_uuid):
            raise BadFile(f"{folder.name} bears the mark of another run")
        if version:
            _place_version(aside, folder, plan)
        else:
            _renew(aside, folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _place_version(aside: Path, folder: Path, plan: wire.TrainPlan) -> None:
    if os.path.lexists(folder):
        if identity.is_of(folder, plan.run_uuid):
            return  # an earlier attempt's: the same weights
        identity.set_aside(folder)
    aside.rename(folder)


def _renew(aside: Path, folder: Path) -> None:
    """Every file that came takes its place; checkpoints, and what else a run only goes on from, that did not come are
    gone there, too."""
    wanted = {path.relative_to(aside) for path in files(aside)}
    for name in sorted(wanted):
        make_folder((folder / name).parent)
        (aside / name).replace(folder / name)
    for place in run_folder.only_to_go_on(folder):
        for path in (*sorted(place.rglob("*"), reverse=True), place):  # what is in a folder comes before it
            if path.is_dir():
                if not any(path.iterdir()):
                    path.rmdir()
            elif path.relative_to(folder) not in wanted:
                path.unlink()


def _home(plan: wire.TrainPlan) -> Path:
    """`runs/N` is the run's folder in it."""
    return Path(plan.run_dir).parent.parent
