"""Folders in which people put what they like: everything in them is opened, moved and written without following a link.

Each folder on the way is opened by its descriptor (`O_NOFOLLOW`), and the last name is used relative to that
(openat(2), renameat(2), …). So a link that lies anywhere below the inbox, or is put there at the wrong moment, leads
nowhere. Links on the way to the inbox itself are followed: those are the owner's. Paths of any length work, since no
call sees more than one name.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class BehindALink(OSError):
    """A folder on the way is a link, or no folder at all."""


class NotAFile(OSError):
    """It is a link, a folder, a device, …: nothing to read from."""


class InboxFolder:
    """The inbox, or a voice's folder in it. All paths are relative to it."""

    def __init__(self, home: Path, voice: bytes | str = b"") -> None:
        self.home = home
        self.root = os.path.join(os.fsencode(home), b"inbox")
        self.voice = os.fsencode(voice)

    @contextmanager
    def at(self, path: bytes = b"", *, make: bool = False) -> Iterator[int]:
        """Descriptor of the folder `path`; with `make`, folders that are missing are made. Raises BehindALink,
        OSError."""
        if make:
            os.makedirs(self.root, exist_ok=True)
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in (part for part in os.path.join(self.voice, path).split(b"/") if part):
                below = below_of(descriptor, name, make=make)
                os.close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def beside(self, path: bytes, *, make: bool = False) -> Iterator[tuple[int, bytes]]:
        """(descriptor of the folder that `path` lies in, its last name)."""
        folder, _, name = path.rpartition(b"/")
        with self.at(folder, make=make) as descriptor:
            yield descriptor, name

    def facts(self, path: bytes) -> os.stat_result:
        """Of the thing itself, if it is a link."""
        with self.beside(path) as (folder, name):
            return os.stat(name, dir_fd=folder, follow_symlinks=False)

    def may_leave(self, path: bytes) -> bool:
        """Whether it can be moved away from where it lies, as far as the rights of its folder go. Raises BehindALink,
        FileNotFoundError."""
        with self.beside(path) as (folder, _):
            return os.access(".", os.W_OK | os.X_OK, dir_fd=folder, effective_ids=True)

    def open(self, path: bytes) -> BinaryIO:
        """An ordinary file, for reading. Raises NotAFile (nothing else is ever opened: opening a device may do
        something), BehindALink."""
        with self.beside(path) as (folder, name):
            return open_in(folder, name)

    def unlink(self, path: bytes) -> None:
        with self.beside(path) as (folder, name):
            os.unlink(name, dir_fd=folder)


def open_in(folder: int, name: bytes) -> BinaryIO:
    """An ordinary file of a folder, for reading. Raises NotAFile."""
    no = NotAFile(errno.EINVAL, "it is no ordinary file")
    if not is_file_in(folder, name):
        raise no
    try:
        descriptor = os.open(name, _READ, dir_fd=folder)
    except OSError as error:
        raise no if error.errno in (errno.ELOOP, errno.ENXIO) else error from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise no
    return os.fdopen(descriptor, "rb")


def is_file_in(folder: int, name: bytes) -> bool:
    """Whether a folder has an ordinary file of that name. Raises FileNotFoundError if it has nothing of that name."""
    return stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)


def create_in(folder: int, name: bytes) -> BinaryIO:
    """A new file of a folder, for writing. Raises FileExistsError, also for a link that leads nowhere."""
    return os.fdopen(os.open(name, _NEW, 0o666, dir_fd=folder), "wb")


def exists_in(folder: int, name: bytes) -> bool:
    """Whether a folder has that name, be it a link that leads nowhere."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def below_of(folder: int, name: bytes, *, make: bool = False) -> int:
    """Descriptor of a folder in a folder, to be closed. Raises BehindALink if it is a link or a file."""
    if name in (b".", b".."):
        raise BehindALink(errno.EINVAL, "It lies outside of the inbox")
    if make:
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=folder)
            os.fsync(folder)
    try:
        return os.open(name, _FOLDER, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            kind = (
                "a link" if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode) else "no folder"
            )
            raise BehindALink(error.errno, f"{os.fsdecode(name)!r} is {kind}") from None
        raise
