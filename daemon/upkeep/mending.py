"""What of a damaged home can be mended for certain. Nothing that a person may want is deleted: what is in the way is
moved to `lost/`, under the path that it had."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from daemon.upkeep import manifest
from daemon.upkeep.contents import LOST
from daemon.upkeep.depot import Depot
from daemon.upkeep.manifest import DamagedList, File, Manifest
from daemon.upkeep.values import Finding, Kind, Mend, Sort
from engines.files import disk_full_is_a_sentence, make_folder, sync_folder

#: Files of these were written once: a snapshot of the same home has under their path what was there.
_ONCE = (Sort.VERSION, Sort.SAMPLE, Sort.RUN)
_BROKEN = (Kind.MISSING, Kind.SIZE, Kind.CONTENT, Kind.UNREADABLE)


def mend(home: Path, found: Iterable[Finding], depot: Depot | None, uuid: str) -> Iterator[Finding]:
    """The same findings, with what was done about each. `depot`: backups to take files from; `uuid`: of the home. A
    clip that no backup has is moved out of the way: whoever asked has its recording cut again."""
    source = _Source(depot, uuid) if depot is not None else None
    for one in found:
        with disk_full_is_a_sentence("what is mended"):
            yield _mended(home, one, source)


def _mended(home: Path, one: Finding, source: _Source | None) -> Finding:
    place = home / one.path
    try:
        if source is not None and one.kind in _BROKEN and source.put_back(home, one):
            return replace(one, mend=Mend.FROM_BACKUP, mended=True)
        match one.mend:
            case Mend.LOST:
                move_to_lost(home, one.path)
            case Mend.DROP:
                place.unlink(missing_ok=True)
            case Mend.AGAIN if os.path.lexists(place):
                move_to_lost(home, one.path)
            case Mend.AGAIN:
                pass
            case _:
                return one
    except FileNotFoundError:
        return one
    return replace(one, mended=True)


def move_to_lost(home: Path, path: str) -> Path:
    """Move a file or folder to `lost/`; where it is now. Raises OSError."""
    number, place = 1, home / LOST / path
    while os.path.lexists(place):
        number += 1
        place = home / LOST / f"{path}-{number}"
    make_folder(place.parent)
    (home / path).rename(place)
    sync_folder(place.parent)
    sync_folder((home / path).parent)
    return place


class _Source:
    """Backups that whole files are taken from."""

    def __init__(self, depot: Depot, uuid: str) -> None:
        self._depot, self._uuid = depot, uuid
        self._snapshots: list[Manifest] | None = None

    def put_back(self, home: Path, one: Finding) -> bool:
        """Put a file in its place, as it was written; False: no backup has it whole."""
        file = self._file(one)
        if file is None or not is_whole(self._depot, file):
            return False
        place = home / one.path
        make_folder(place.parent)
        aside = place.with_name(f".tmp-mended-{os.getpid()}")
        times = file.mtime
        try:
            shutil.copyfile(self._depot.object(file.sha256), aside)
            with suppress(OSError):
                told = os.lstat(place)
                times = told.st_mtime_ns if one.kind is Kind.CONTENT else times
                move_to_lost(home, one.path)
            aside.chmod(file.mode)
            os.utime(aside, ns=(times, times))
            descriptor = os.open(aside, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            aside.replace(place)
        finally:
            aside.unlink(missing_ok=True)
        sync_folder(place.parent)
        return True

    def _file(self, one: Finding) -> File | None:
        """What a snapshot says of it: the same content, or, where nothing tells what that was, the same path of a file
        that is written once."""
        for snapshot in self._all():
            for file in snapshot.files:
                same = file.sha256 == one.sha256 if one.sha256 else file.path == one.path and one.sort in _ONCE
                if same and (one.sha256 or snapshot.home == self._uuid):
                    return file
        return None

    def _all(self) -> list[Manifest]:
        """The newest first. Lists that are damaged are passed over."""
        if self._snapshots is None:
            self._snapshots = []
            for id in reversed(self._depot.ids()):
                with suppress(DamagedList):
                    self._snapshots.append(self._depot.read(id))
        return self._snapshots


def is_whole(depot: Depot, file: File) -> bool:
    """Whether a backup has that content."""
    try:
        with depot.object(file.sha256).open("rb") as source:
            return manifest.hash_of(source) == file.sha256
    except OSError:
        return False
