"""Files brought over the wire, part by part, into the inbox: whole ones only, and never over another file."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from pathlib import Path
from typing import BinaryIO

from daemon import names
from daemon.errors import BadRequest, DiskFull, NotNow
from engines.files import make_folder, sync_folder
from proto import myna_pb2 as pb

#: What an uploaded file is called until it is whole. Hidden, so that the inbox leaves it alone; swept when mynad starts.
UPLOAD = ".upload-"


class Upload:
    """Files that come in parts, one after another, into inboxes. Each appears under its name when it is whole and synced."""

    def __init__(self, home: Path, min_free: int) -> None:
        self.home = home
        self.min_free = min_free
        self.names: list[str] = []
        self._file: BinaryIO | None = None
        self._aside = b""
        self._target = b""

    def add(self, part: pb.UploadPart) -> None:
        """Take a part. Raises BadRequest, DiskFull."""
        if self._file is None:
            self._begin(part)
        elif part.name or part.voice:
            raise BadRequest("A file began before the one before it had ended.", "Set `last` on the last part of each file.")
        assert self._file is not None
        if shutil.disk_usage(self.home).free - len(part.data) < self.min_free:
            raise DiskFull("The disk of the daemon's machine is full.", "Make room there, then add the files again.")
        try:
            self._file.write(part.data)
            if part.last:
                self._finish()
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise NotNow(f"The file could not be written: {error.strerror}.", "See to the inbox folder, then add it again.") from None
            raise DiskFull("The disk of the daemon's machine is full.", "Make room there, then add the files again.") from None

    def end(self) -> list[str]:
        """The names that the files have in the inbox. Raises BadRequest if the last one is not whole."""
        if self._file is not None:
            raise BadRequest("The last file broke off; it is not taken.", "Set `last` on the last part of each file.")
        return self.names

    def close(self) -> None:
        """Throw away what is not whole."""
        if self._file is not None:
            self._file.close()
            self._file = None
            os.unlink(self._aside)

    def _begin(self, part: pb.UploadPart) -> None:
        folder = os.fsencode(self.home / "inbox" / names.check_voice(part.voice))
        relative = names.clean(part.name)
        self._target = os.path.join(folder, relative)
        make_folder(os.path.dirname(self._target))
        self._aside = os.path.join(os.path.dirname(self._target), UPLOAD.encode() + secrets.token_hex(8).encode())
        self._file = open(self._aside, "xb")  # noqa: SIM115  closed in _finish or close

    def _finish(self) -> None:
        assert self._file is not None
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._file = None
        start, ending = os.path.splitext(self._target)
        target, number = self._target, 1
        while not _link(self._aside, target):  # never over another file, as a rename would
            number += 1
            target = start + b".%d" % number + ending
        os.unlink(self._aside)
        sync_folder(os.path.dirname(target))
        self.names.append(names.printable(os.path.basename(target)))


def _link(source: bytes, target: bytes) -> bool:
    """Give a file a second name, if that name is free. File systems without links get a copy."""
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise
        if os.path.lexists(target):
            return False
        shutil.copyfile(source, target)
    return True
