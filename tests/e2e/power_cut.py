"""A power cut, as far as it can be had without a block device of our own: what was never fsynced is lost.

Every fsync of mynad and its workers is remembered (tests/e2e/shadowed). To cut the power, all of them are stopped for a
moment, and a home is built as a disk could hold it then: file contents only as they were last fsynced, names either as
their folder was last fsynced, or as they are now, or some of both, for a disk may write what it was not asked to. A
file that was moved to another folder has one of its two names: such a move is one entry of the journal of ext4, XFS and
Btrfs. SQLite's own files are copied as they are: its promises are its own.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

import psutil

from tests.e2e.workshop import ROOT, Workshop

SHADOWED = ROOT / "tests" / "e2e" / "shadowed"
#: of the home, what is no state
PASSING = frozenset({"run", "log", "mynad.out"})


class Names(Enum):
    """Which names of files and folders a disk holds after the cut."""

    SYNCED = "those that were synced, and no other"
    NOW = "all there are, synced or not"
    SOME = "of some folders the synced ones, of others all"


class PowerCut:
    """Remembers what is safe on the disk of a workshop, whose processes must not have been started yet."""

    def __init__(self, workshop: Workshop, kept: Path) -> None:
        self.workshop = workshop
        self.kept = kept
        kept.mkdir()
        workshop.env["PYTHONPATH"] = f"{SHADOWED}:{ROOT}"
        workshop.env["MYNA_TEST_SAFE"] = str(kept)
        self.all_is_safe()

    def all_is_safe(self) -> None:
        """What lies in the home now has been there for long."""
        for path in (self.workshop.home, *self.workshop.home.rglob("*")):
            found = path.lstat()
            if stat.S_ISDIR(found.st_mode):
                inside = {child.name: child.lstat().st_ino for child in path.iterdir()}
                (self.kept / f"{found.st_ino}.names").write_text(json.dumps(inside))
            elif stat.S_ISREG(found.st_mode):
                shutil.copyfile(path, self.kept / f"{found.st_ino}.bytes")

    def strike(self, into: Path) -> dict[Names, Path]:
        """Homes as a power cut at this moment could leave them; the workshop goes on."""
        with self._stopped():
            return {names: self._left(into / names.name.lower(), names) for names in Names}

    @contextmanager
    def _stopped(self) -> Iterator[None]:
        assert self.workshop.daemon is not None
        everybody = [psutil.Process(self.workshop.daemon.pid), *self.workshop.family()]
        stopped = []
        try:
            for process in everybody:
                try:
                    process.suspend()
                    stopped.append(process)
                except psutil.NoSuchProcess:
                    continue
            yield
        finally:
            for process in stopped:
                try:
                    process.resume()
                except psutil.NoSuchProcess:
                    continue

    def _left(self, target: Path, names: Names) -> Path:
        home = self.workshop.home
        chance = random.Random(str(target))
        placed = self._folder(home, home.lstat().st_ino, target, names, chance, ())
        self._moved(target, placed)
        for path in home.glob("myna.db*"):
            if not path.name.endswith("-shm"):
                shutil.copyfile(path, target / path.name)
        return target

    def _folder(
        self,
        path: Path | None,
        inode: int,
        target: Path,
        names: Names,
        chance: random.Random,
        above: tuple[int, ...],
    ) -> set[int]:
        """Make a folder as the disk holds it. `path`: where it is now, if it is still there. `above`: the inodes of the
        folders that it lies in. Returns the inodes of the files in it."""
        target.mkdir(parents=True)
        placed = set()
        now = {child.name: child.lstat().st_ino for child in path.iterdir()} if path is not None else {}
        safe = json.loads(self._safe(inode, "names") or b"{}")
        all_of_them = names is Names.NOW or (names is Names.SOME and chance.random() < 0.5)
        for name, number in (now if all_of_them and path is not None else safe).items():
            if not above and (name in PASSING or name.startswith("myna.db")):
                continue
            here = path / name if path is not None and now.get(name) == number else self._where(number)
            if here is not None and here.is_dir() and not here.is_symlink():
                placed |= self._folder(here, number, target / name, names, chance, (*above, inode))
            elif here is None and number not in (*above, inode) and self._safe(number, "names") is not None:
                placed |= self._folder(None, number, target / name, names, chance, (*above, inode))
            elif here is None or stat.S_ISREG(here.lstat().st_mode):
                placed.add(number)
                (target / name).write_bytes(self._safe(number, "bytes") or b"")  # never synced: a name without contents
                if here is not None:
                    facts = here.lstat()
                    os.utime(target / name, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        return placed

    def _moved(self, target: Path, placed: set[int]) -> None:
        """Files that were synced in another folder than they are in now, and have neither name in `target`, have the
        new one."""
        lists = {int(path.stem): set(json.loads(path.read_bytes()).values()) for path in self.kept.glob("*.names")}
        for path in self.workshop.home.rglob("*"):
            found, below = path.lstat(), path.relative_to(self.workshop.home)
            if (
                not stat.S_ISREG(found.st_mode)
                or found.st_ino in placed
                or below.parts[0] in PASSING
                or len(below.parts) == 1
            ):
                continue
            folder = path.parent.lstat().st_ino
            if any(found.st_ino in inodes for inode, inodes in lists.items() if inode != folder):
                (target / below).parent.mkdir(parents=True, exist_ok=True)
                (target / below).write_bytes(self._safe(found.st_ino, "bytes") or b"")

    def _where(self, inode: int) -> Path | None:
        """Where a file or folder is now that has another name on the disk."""
        return next((path for path in self.workshop.home.rglob("*") if path.lstat().st_ino == inode), None)

    def _safe(self, inode: int, what: str) -> bytes | None:
        try:
            return (self.kept / f"{inode}.{what}").read_bytes()
        except FileNotFoundError:
            return None
