"""`imports/`: packages that came over the wire and wait for their job, what jobs unpack, and what they send to places
elsewhere or fetch from there. Nothing in it outlasts its job."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from daemon.errors import BadRequest, DiskFull, NotNow
from daemon.machine.disk_space import DiskSpace
from daemon.package.formats import MYNA
from engines.errors import DiskFull as NoRoom
from engines.files import TEMPORARY, disk_full_is_a_sentence, make_folder

FOLDER = "imports"


def path(home: Path, name: str) -> Path:
    """Where a package of that name is. Raises BadRequest for a name that leads elsewhere."""
    if not name.endswith(MYNA) or "/" in name or "\0" in name or name.startswith("."):
        raise BadRequest(f"{name!r} is no package that was sent.", "Send it: `myna import FILE`.")
    return home / FOLDER / name


def unpacked(home: Path, job: int) -> Path:
    """Where a job puts a package's files until all of them are known to be right."""
    return home / FOLDER / f"{TEMPORARY}{job}"


def leaving(home: Path, job: int) -> Path:
    """The folder in which a push puts together what it sends."""
    return home / FOLDER / f"push-{job}"


def arriving(home: Path, job: int) -> Path:
    """Where a package is that a pull has fetched, once it is whole."""
    return home / FOLDER / f"pull-{job}{MYNA}"


def part(path: Path) -> Path:
    """Where it is until then."""
    return path.with_name(f"{path.name}.part")


def sweep(home: Path, live: Iterable[str]) -> None:
    """When mynad starts: clear away all but what live jobs wait for, or go on with."""
    keep = set(live)
    for found in (home / FOLDER).glob("*") if (home / FOLDER).is_dir() else ():
        if found.name in keep:
            continue
        if found.is_dir() and not found.is_symlink():
            shutil.rmtree(found, ignore_errors=True)
        else:
            found.unlink(missing_ok=True)


class Incoming:
    """A package that comes part by part."""

    def __init__(self, home: Path, min_free: int) -> None:
        self.name = f"{secrets.token_hex(8)}{MYNA}"
        self.path = path(home, self.name)
        self._disk = DiskSpace(home, min_free)
        self._aside = self.path.with_name(f"{TEMPORARY}{self.name}")
        self._file: BinaryIO | None = None
        self._given = False

    def add(self, data: bytes) -> None:
        """Take a part. Raises DiskFull, NotNow."""
        hint = "Free some space there, then import it again."
        if self._disk.missing(len(data)):
            raise DiskFull("The disk of the daemon's machine is full.", hint)
        try:
            with disk_full_is_a_sentence("the package"):
                if self._file is None:
                    make_folder(self.path.parent)
                    self._file = self._aside.open("xb")
                self._file.write(data)
        except NoRoom as error:
            raise DiskFull(str(error), hint) from None
        except OSError as error:
            raise NotNow(f"The package could not be written: {error.strerror}.", "See the folder imports/.") from None

    def end(self) -> None:
        """It came whole: it has its name now. Raises BadRequest for nothing at all."""
        if self._file is None:
            raise BadRequest("No package was sent.", "Send the parts of one file.")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._file = None
        self._aside.replace(self.path)

    def give(self) -> None:
        """From here on it is a job's."""
        self._given = True

    def close(self) -> None:
        """Throw it away, unless it is a job's."""
        if self._file is not None:
            self._file.close()
        self._aside.unlink(missing_ok=True)
        if not self._given:
            self.path.unlink(missing_ok=True)
