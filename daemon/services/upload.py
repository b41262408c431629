"""Files brought over the wire, part by part, into the inbox: whole ones only, and never over another file."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from pathlib import Path
from typing import BinaryIO

from daemon import names
from daemon.errors import BadRequest, DiskFull, MynaError, NotNow
from daemon.inbox.folder import InboxFolder, create_in, open_in
from daemon.machine.disk_space import DiskSpace
from proto import myna_pb2 as pb

#: What an uploaded file is called until it is whole. Hidden, so that the inbox leaves it alone; swept when mynad
#: starts.
UPLOAD = ".upload-"


class Upload:
    """Files that come in parts, one after another, into inboxes. Each appears under its name when it is whole and
    synced."""

    def __init__(self, home: Path, min_free: int) -> None:
        self.home = home
        self.disk = DiskSpace(home, min_free)
        self.names: list[str] = []
        self._file: BinaryIO | None = None
        self._aside = b""
        self._target = b""
        self._folder = (
            contextlib.ExitStack()
        )  #: keeps the folder open that the file goes to; no link is followed on the way to it
        self._in = -1

    def add(self, part: pb.UploadPart) -> None:
        """Take a part. Raises BadRequest, DiskFull."""
        if self._file is not None and (part.name or part.voice):
            raise BadRequest(
                "A file began before the one before it had ended.", "Set `last` on the last part of each file."
            )
        if self.disk.missing(len(part.data)):
            raise DiskFull(
                "The disk of the daemon's machine is full.", "Free some space there, then add the files again."
            )
        try:
            if self._file is None:
                self._begin(part)
            assert self._file is not None
            self._file.write(part.data)
            if part.last:
                self._finish()
        except OSError as error:
            raise not_written(error) from None

    def end(self) -> list[str]:
        """The names that the files have in the inbox. Raises BadRequest if the last one is not whole."""
        if self._file is not None:
            raise BadRequest(
                "The last file is incomplete and is not taken.", "Set `last` on the last part of each file."
            )
        return self.names

    def close(self) -> None:
        """Throw away what is not whole."""
        if self._file is not None:
            self._file.close()
            self._file = None
            os.unlink(self._aside, dir_fd=self._in)
        self._folder.close()

    def _begin(self, part: pb.UploadPart) -> None:
        place = InboxFolder(self.home, names.check_voice(part.voice))
        try:
            self._in, self._target = self._folder.enter_context(place.beside(names.clean(part.name), make=True))
            self._aside = UPLOAD.encode() + secrets.token_hex(8).encode()
            self._file = create_in(self._in, self._aside)
        except OSError as error:
            raise not_written(error) from None

    def _finish(self) -> None:
        assert self._file is not None
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._file = None
        start, ending = os.path.splitext(self._target)
        target, number = self._target, 1
        while not _link(self._in, self._aside, target):  # never over another file, as a rename would
            number += 1
            target = start + b".%d" % number + ending
        os.unlink(self._aside, dir_fd=self._in)
        os.fsync(self._in)  # its name outlasts a power cut, too
        self._folder.close()
        self.names.append(names.printable(target))


def not_written(error: OSError) -> MynaError:
    """What a person is told when a file could not be written into the inbox."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return NotNow(f"The file could not be written: {error.strerror}.", "Check the inbox folder, then try again.")
    return DiskFull("The disk of the daemon's machine is full.", "Free some space there, then add the files again.")


def _link(folder: int, source: bytes, target: bytes) -> bool:
    """Give a file a second name, if that name is free. File systems without links get a copy."""
    try:
        os.link(source, target, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise
        try:
            with open_in(folder, source) as aside, create_in(folder, target) as copy:
                shutil.copyfileobj(aside, copy)
        except FileExistsError:
            return False
    return True
