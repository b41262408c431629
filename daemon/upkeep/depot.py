"""The folder in which backups lie.

    myna-backup.json          says that it is one
    objects/ab/abcd…          files by their SHA-256, each once for all snapshots
    snapshots/ID.json.gz      lists of files, one a snapshot, written last
    incoming/                 what is being written; swept when the next backup begins
    lock                      held by whoever adds or removes

An object is written aside, synced and renamed, and so is a list, once the names of all its objects are safe. So a kill
at any moment leaves every earlier snapshot whole, and what was copied until then is used by the next backup.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from daemon.errors import BadRequest, NotFound, NotNow
from daemon.upkeep import manifest
from daemon.upkeep.manifest import DamagedList, Manifest
from daemon.upkeep.values import Taken
from engines.files import disk_full_is_a_sentence, sync_folder, write_whole

MARK = "myna-backup.json"
FORMAT = 1
ENDING = ".json.gz"
#: What a damaged object is called: the next backup then takes the file in again, if the home still has it.
DAMAGED = ".damaged"
#: Bytes that are read at once.
BLOCK = 1 << 20
#: What an empty disk has in it.
EMPTY = frozenset(("lost+found",))


class Short(Exception):
    """A file ended before its size was read."""


class Depot:
    """An open one. `lock` it before anything is added or removed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._objects, self._incoming, self._snapshots = path / "objects", path / "incoming", path / "snapshots"
        self.new = 0  #: bytes that came in

    @classmethod
    def there(cls, path: Path) -> Depot:
        """One that must be there. Raises NotFound, BadRequest."""
        if not path.is_dir():
            raise NotFound(f"There is no folder {path}.", "Name the folder that backups were made into.")
        try:
            told = json.loads((path / MARK).read_text())
        except FileNotFoundError:
            raise BadRequest(f"{path} is no folder of Myna's backups.", f"It has no {MARK}.") from None
        except (OSError, ValueError) as error:
            raise BadRequest(f"{path / MARK} cannot be read ({error}).", "Is the disk whole?") from None
        if not isinstance(told, dict) or told.get("format") != FORMAT:
            raise BadRequest(f"{path} holds backups of another Myna.", "Use the one that made them.")
        return cls(path)

    @classmethod
    def made(cls, path: Path) -> Depot:
        """One that is there, or a new one in a folder that is empty or not there yet. Raises BadRequest, NotFound,
        DiskFull."""
        if os.path.lexists(path / MARK):
            return cls.there(path)
        if not path.parent.is_dir():
            raise NotFound(f"There is no folder {path.parent}.", "Mount the disk, or name another folder.")
        if path.exists() and not path.is_dir():
            raise BadRequest(f"{path} is no folder.", "Name a folder for backups.")
        if path.is_dir() and set(os.listdir(path)) - EMPTY:
            sentence = f"{path} is no folder of Myna's backups, and not empty. Nothing was written."
            raise BadRequest(sentence, "Name an empty folder, or a new one.")
        with disk_full_is_a_sentence("the backup"):
            path.mkdir(mode=0o700, exist_ok=True)
            write_whole(path / MARK, json.dumps({"format": FORMAT}).encode() + b"\n", "the backup")
        return cls(path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else adds or removes meanwhile; what a killed one left half-written is swept away. Raises NotNow."""
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise NotNow(f"Another backup into {self.path} is under way.", "Wait until it has ended.") from None
            with disk_full_is_a_sentence("the backup"):
                for folder in (self._objects, self._incoming, self._snapshots):
                    folder.mkdir(mode=0o700, exist_ok=True)
            for leftover in self._incoming.iterdir():
                leftover.unlink(missing_ok=True)
            for leftover in self._snapshots.glob(f".tmp-*{ENDING}"):
                leftover.unlink(missing_ok=True)
            yield
        finally:
            os.close(descriptor)

    # ----------------------------------------------------------------------------------------------------- objects

    def object(self, sha256: str) -> Path:
        return self._objects / sha256[:2] / sha256

    def has(self, sha256: str, size: int) -> bool:
        """Whether the object is there, as long as it should be."""
        with suppress(OSError):
            return self.object(sha256).stat().st_size == size
        return False

    def put(self, source: BinaryIO, size: int, read: Callable[[int], None]) -> str:
        """Take the next `size` bytes of a file in; their SHA-256. `read` is told of every stretch that was read. Raises
        Short, DiskFull, OSError of the source."""
        digest, aside, left = hashlib.sha256(), self.aside(), size
        try:
            with aside.open("xb") as out:
                while left:
                    if not (block := source.read(min(BLOCK, left))):
                        raise Short
                    digest.update(block)
                    with disk_full_is_a_sentence("the backup"):
                        out.write(block)
                    left -= len(block)
                    read(len(block))
                sha256 = digest.hexdigest()
                if not self.has(sha256, size):
                    with disk_full_is_a_sentence("the backup"):
                        out.flush()
                        os.fsync(out.fileno())
                        os.posix_fadvise(out.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                        self._name(aside, sha256)
                    self.new += size
            return sha256
        finally:
            aside.unlink(missing_ok=True)

    def aside(self) -> Path:
        """A new name among what is being written."""
        return self._incoming / secrets.token_hex(8)

    def _name(self, aside: Path, sha256: str) -> None:
        place = self.object(sha256)
        place.parent.mkdir(mode=0o700, exist_ok=True)
        aside.chmod(0o400)
        aside.replace(place)

    # --------------------------------------------------------------------------------------------------- snapshots

    def ids(self) -> list[str]:
        """Of all snapshots, the oldest first."""
        found = (self._snapshots.glob(f"*{ENDING}")) if self._snapshots.is_dir() else ()
        return sorted(path.name.removesuffix(ENDING) for path in found if not path.name.startswith("."))

    def read(self, id: str) -> Manifest:
        """Raises DamagedList."""
        try:
            return manifest.read(self._snapshots / f"{id}{ENDING}")
        except OSError as error:
            raise DamagedList(str(error)) from error

    def listed(self) -> list[Taken]:
        """All of them as lists show them, the oldest first."""
        found = []
        for id in self.ids():
            try:
                told = manifest.head(self._snapshots / f"{id}{ENDING}")
                found.append(Taken(id, told["home"], told["schema"], told["count"], told["size"]))
            except DamagedList:
                found.append(Taken(id, "", "", 0, 0, damaged=True))
        return found

    def chosen(self, id: str = "") -> Manifest:
        """The snapshot of that name, or the newest. Raises NotFound, BadRequest."""
        ids = self.ids()
        if not ids or (id and id not in ids):
            what = f"no snapshot {id!r}" if id else "no snapshot"
            raise NotFound(f"{self.path} has {what}.", f"`myna backup {self.path} --list` lists what there is.")
        try:
            return self.read(id or ids[-1])
        except DamagedList as error:
            hint = f"Take another one with --snapshot; `myna backup {self.path} --list` lists them."
            raise BadRequest(f"The list of the snapshot {id or ids[-1]} is damaged ({error}).", hint) from None

    def new_id(self) -> str:
        """By the time, UTC: the order of names is that of the snapshots."""
        stem, known, number = f"{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}", set(self.ids()), 1
        id = stem
        while id in known:
            number += 1
            id = f"{stem}-{number:02d}"
        return id

    def add(self, one: Manifest) -> None:
        """The snapshot is there when this returns, and survives a power cut. Raises DiskFull."""
        with disk_full_is_a_sentence("the backup"):  # also names that a killed backup left unsynced
            for folder in (*self._objects.iterdir(), self._objects, self.path):
                sync_folder(folder)
        manifest.write(self._snapshots / f"{one.id}{ENDING}", one)

    def keep(self, count: int, home: str) -> list[str]:
        """Remove all snapshots of that home (its UUID) but the newest so many, older lists that cannot be read, and the
        objects that no list names any more; which went. While a list cannot be read, no object is removed: it may name
        any."""
        listed = self.listed()
        mine = [one.id for one in listed if one.home == home]
        oldest = mine[-count:][0] if mine else ""
        going = [one.id for one in listed if one.id < oldest and (one.home == home or one.damaged)]
        for id in going:
            (self._snapshots / f"{id}{ENDING}").unlink()
        if going:
            sync_folder(self._snapshots)
            self.sweep()
        return going

    def sweep(self) -> None:
        """Remove objects that no list names, and damaged ones that came in again."""
        try:
            named = {file.sha256 for id in self.ids() for file in self.read(id).every}
        except DamagedList:
            return
        for path in self._objects.glob("[0-9a-f][0-9a-f]/*"):
            whole = path.name.removesuffix(DAMAGED)
            again = path.name.endswith(DAMAGED) and self.object(whole).exists()
            if manifest.is_hash(whole) and (whole not in named or again):
                path.unlink()
