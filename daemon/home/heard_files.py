"""Sound files that came over the wire to be transcribed or converted, and what was heard in them. They lie in
`imports/` until their call ends, and are swept away with it when mynad starts."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import BinaryIO

from daemon.errors import BadRequest, DiskFull, NotNow
from daemon.home.imports import FOLDER
from daemon.machine.disk_space import DiskSpace
from engines.errors import DiskFull as NoRoom
from engines.files import disk_full_is_a_sentence, make_folder

#: Bytes of a file that is transcribed, at most.
LARGEST = 200_000_000
#: The same of one that is converted, which is never in memory as a whole.
LARGEST_CONVERTED = 2_000_000_000
_NAME = re.compile(r"[0-9a-f]{32}\.sound")


def path(home: Path, name: str) -> Path:
    """Where a file of that name is. Raises BadRequest for a name that leads elsewhere."""
    if not _NAME.fullmatch(name):
        raise BadRequest(f"{name!r} is no sound file that was sent.", "Send it: `myna convert FILE` does.")
    return home / FOLDER / name


def heard(sound: Path) -> Path:
    """Where what is heard in a file goes: a serialised myna.v1.Transcript."""
    return sound.with_suffix(".heard")


class Incoming:
    """A sound file that comes part by part."""

    def __init__(self, home: Path, disk: DiskSpace, largest: int = LARGEST) -> None:
        """`largest`: bytes."""
        self._largest = largest
        self.name = f"{secrets.token_hex(16)}.sound"
        self.path = path(home, self.name)
        self._disk = disk
        self._file: BinaryIO | None = None
        self._size = 0

    def add(self, data: bytes) -> None:
        """Take a part. Raises BadRequest for too much, DiskFull, NotNow."""
        hint = "Free some space there, then send it again."
        self._size += len(data)
        if self._size > self._largest:
            raise BadRequest(f"The file has more than {self._largest // 1_000_000} MB.", "Send it in parts.")
        if self._disk.missing(len(data)):
            raise DiskFull("The disk of the daemon's machine is full.", hint)
        try:
            with disk_full_is_a_sentence("a sound file"):
                if self._file is None:
                    make_folder(self.path.parent)
                    self._file = self.path.open("xb")
                self._file.write(data)
        except NoRoom as error:
            raise DiskFull(str(error), hint) from None
        except OSError as error:
            raise NotNow(f"The file could not be written: {error.strerror}.", "See the folder imports/.") from None

    def end(self) -> None:
        """It came whole. Raises BadRequest for nothing at all."""
        if self._file is None or not self._size:
            raise BadRequest("No sound was sent.", "Send the parts of one file.")
        self._file.close()
        self._file = None

    def close(self) -> None:
        """Throw it away, with what was heard in it."""
        if self._file is not None:
            self._file.close()
        for one in (self.path, heard(self.path)):
            one.unlink(missing_ok=True)
