"""What is in a package, on its way: it comes to a folder of its own until all of it is known to be right."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from daemon.kinds.ingest.copying import SYNCED
from daemon.machine.disk_space import DiskSpace
from daemon.package.archive import BadPackage, Member, Reader
from daemon.package.header import Header
from daemon.worker.job import Channel
from engines.errors import DiskFull
from engines.files import TEMPORARY, make_folder, sync_file, write_whole

#: How many times bigger than the package its files may be. Silence is compressed to next to nothing, speech never is.
RATIO = 1_000
#: Bytes that the files of any package may have.
ALWAYS = 256 << 20
#: Folder of recordings/ that has the manifests of packages that were taken in, by their SHA-256.
PACKAGES = "packages"


class Aside:
    """The files of one package."""

    def __init__(self, reader: Reader, packed_size: int, channel: Channel, folder: Path, min_free: int) -> None:
        self.reader = reader
        self.folder = folder
        self._packed_size = packed_size
        self._channel = channel
        self._min_free = min_free

    def read(self, files: Mapping[str, Member], is_here: Callable[[Member], bool] = lambda member: False) -> None:
        """Every file, held against the manifest; those that the home has already (`is_here`) are only checked. Raises
        BadPackage, and DiskFull before anything is written."""
        total = sum(member.size for member in files.values())
        self._check_size(total)
        seen: set[str] = set()
        done = 0
        while (following := self.reader.next()) is not None:
            name, size = following
            member = files.get(name)
            if name in seen:
                raise BadPackage(f"It has {name[:120]!a} twice in it.")
            if member is None:
                raise BadPackage(f"It has a file in it that its manifest does not name ({name[:120]!a}).")
            if size != member.size:
                raise BadPackage(f"{name} has {size:,} bytes in it, and its manifest says {member.size:,}.")
            seen.add(name)
            self._channel.progress(done, total, "bytes", name)
            self._write(member, is_here)
            done += size
        if left := files.keys() - seen:
            raise BadPackage(f"{len(left)} files that its manifest names are not in it, {min(left)} among them.")

    def keep(self, header: Header, manifest: bytes) -> None:
        """The manifest stays: it tells what came from where, also of what a person changes later."""
        place = self._channel.home / "recordings" / PACKAGES / f"{header.manifest.sha256}.json"
        if not place.is_file():
            make_folder(place.parent)
            write_whole(place, manifest, "a package's manifest")

    def _check_size(self, total: int) -> None:
        if total > max(ALWAYS, RATIO * self._packed_size):
            raise BadPackage(
                f"It claims to hold {total / 1e9:.1f} GB in {self._packed_size / 1e6:.1f} MB: that is no speech."
            )
        if missing := DiskSpace(self._channel.home, self._min_free).missing(total):
            raise DiskFull(
                f"The disk has no room for the package: {max(missing / 1e6, 0.1):.1f} MB are missing.",
                "Free some space, then import it again.",
            )

    def _write(self, member: Member, is_here: Callable[[Member], bool]) -> None:
        place = self.folder / member.name
        place.parent.mkdir(parents=True, exist_ok=True)
        digest, waiting = hashlib.sha256(), 0
        with place.open("xb") as out:
            for piece in self.reader.pieces():
                self._channel.check()
                digest.update(piece)
                out.write(piece)
                waiting += len(piece)
                if waiting >= SYNCED:
                    waiting = 0
                    out.flush()
                    os.fdatasync(out.fileno())
            out.flush()
            if digest.hexdigest() != member.sha256:
                raise BadPackage(f"{member.name} is not what the manifest says: its SHA-256 is another one.")
            if is_here(member):
                out.truncate(0)  # it need not be written twice
            else:
                os.fsync(out.fileno())


def move(source: Path, target: Path) -> None:
    """Move a file to where it belongs, be that on another disk."""
    make_folder(target.parent)
    source.chmod(0o644)
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = target.with_name(f"{TEMPORARY}{target.name}")
        shutil.copyfile(source, beside)
        sync_file(beside)
        beside.replace(target)
