"""The folder of the machine that trains for others: content by its SHA-256, shared by all attempts, and for each
attempt at work a folder that looks like a home.

    objects/ab/abcdef…    what was fetched; forgotten after a month without use
    features/             what engines made of clips: by hash, so every home may share it
    attempts/<id>/        the home; removed when its agent ended, however that was
    attempts/<id>.lock    held by that agent
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from daemon.far.shared_store import PIECE, SharedStore
from daemon.far.values import Item, inside
from engines.files import make_folder, remove_untouched

#: Names another folder than the one in the user's cache.
ENVIRONMENT = "MYNA_FAR_FOLDER"
FORGOTTEN = 30 * 86_400.0  #: seconds


def folder() -> Path:
    """Where all this lies."""
    if given := os.environ.get(ENVIRONMENT):
        return Path(given).expanduser().absolute()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "myna" / "far"


class FarHome:
    """That of one attempt, made empty. What agents left behind that were killed is removed first."""

    def __init__(self, root: Path, id: str) -> None:
        self._root = root
        make_folder(root / "attempts")
        self._sweep()
        self._lock = root / "attempts" / f"{id}.lock"
        self._held = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.path = root / "attempts" / id
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir()
        make_folder(root / "features")
        (self.path / "features").symlink_to(root / "features")

    def furnish(
        self, store: SharedStore, items: Iterable[Item], own: Iterable[str], going_on: Callable[[], None]
    ) -> None:
        """Put every item in its place. Those in the folders `own` are the worker's to write to, the others may be links
        to what all attempts share. Calls `going_on` before each, which may raise. Raises BadFile."""
        folders = tuple(own)
        for item in items:
            going_on()
            place = inside(self.path, item.path)
            source = self._object(store, item)
            make_folder(place.parent)
            if item.path.startswith(tuple(f"{folder}/" for folder in folders)):
                shutil.copyfile(source, place)
            else:
                _link(source, place)

    def close(self) -> None:
        """Remove it."""
        (self.path / "features").unlink(missing_ok=True)
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.unlink(missing_ok=True)
        os.close(self._held)

    def _object(self, store: SharedStore, item: Item) -> Path:
        place = self._root / "objects" / item.sha256[:2] / item.sha256
        if not _is(place, item):
            store.fetch(item, place)
        os.utime(place)
        return place

    def _sweep(self) -> None:
        for lock in (self._root / "attempts").glob("*.lock"):
            try:
                held = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            else:
                home = lock.with_suffix("")
                (home / "features").unlink(missing_ok=True)
                shutil.rmtree(home, ignore_errors=True)
                lock.unlink(missing_ok=True)
            finally:
                os.close(held)
        remove_untouched((self._root / "objects").glob("*/*"), FORGOTTEN)


def _is(place: Path, item: Item) -> bool:
    """The file is there and whole: a cache is read again before it is believed."""
    try:
        if place.stat().st_size != item.size:
            return False
        digest = hashlib.sha256()
        with place.open("rb") as file:
            while piece := file.read(PIECE):
                digest.update(piece)
    except FileNotFoundError:
        return False
    return digest.hexdigest() == item.sha256


def _link(source: Path, place: Path) -> None:
    try:
        os.link(source, place)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, place)
