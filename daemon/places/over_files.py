"""Places that are folders: on this machine, or on another one by SFTP. Both through fsspec."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from daemon.places.over_fsspec import FsspecRemote
from daemon.places.place import Place
from daemon.places.remote import BLOCK, Tell

#: Seconds until a machine that does not answer is given up.
PATIENCE = 30.0
#: Bytes that SFTP gives at once, at most.
PIECE = 32_768


class FolderRemote(FsspecRemote):
    """See `Remote`. A file is NAME.part until it is whole; an attempt goes on with what the one before left of it."""

    def send(self, file: Path, name: str, tell: Tell) -> None:
        self.files.makedirs(self.root, exist_ok=True)
        part = f"{name}.part"
        have = self._begun(file, part)
        with file.open("rb") as here, self.files.open(self.path(part), "ab" if have else "wb") as there:
            if hasattr(there, "set_pipelined"):
                there.set_pipelined()  # SFTP would else wait for an answer to each 32 KiB
            here.seek(have)
            while block := here.read(BLOCK):
                there.write(block)
                have += len(block)
                tell(have)
            if hasattr(there, "fileno"):  # of this machine
                there.flush()
                os.fsync(there.fileno())
        if self.size(name) is not None:
            self.files.rm_file(self.path(name))  # SFTP renames over nothing
        self.files.mv(self.path(part), self.path(name))

    def _begun(self, file: Path, part: str) -> int:
        """Bytes of an earlier attempt that are those of the file; 0: it begins anew."""
        have = self.size(part)
        if not have or have > file.stat().st_size:
            return 0
        theirs, ours = hashlib.sha256(), hashlib.sha256()
        with file.open("rb") as here:
            for block in self.read(part):
                theirs.update(block)
                ours.update(here.read(len(block)))
        return have if theirs.digest() == ours.digest() else 0

    def read(self, name: str, start: int = 0) -> Iterator[bytes]:
        with self.files.open(self.path(name), "rb") as there:
            if hasattr(there, "readv"):
                yield from _together(there, start, self.size(name) or 0)
                return
            there.seek(start)
            while block := there.read(BLOCK):
                yield bytes(block)


def _together(there: Any, start: int, size: int) -> Iterator[bytes]:
    """What is in a file of SFTP: the pieces of a block are asked for at once. (Its own `prefetch` would hold all of a
    large file in memory.)"""
    for at in range(start, size, BLOCK):
        end = min(at + BLOCK, size)
        yield b"".join(there.readv([(piece, min(PIECE, end - piece)) for piece in range(at, end, PIECE)]))


def here(place: Place) -> FolderRemote:
    """A folder of this machine."""
    from fsspec.implementations.local import LocalFileSystem

    return FolderRemote(LocalFileSystem(skip_instance_cache=True), "/" + "/".join(place.path))


def by_ssh(place: Place, known: Mapping[str, str]) -> FolderRemote:
    """A folder of another machine, whose key must be known: fsspec's own way would take any, so that whoever stands in
    between got the voice. Keys and the agent are those of mynad's user."""
    import paramiko
    from fsspec.implementations.sftp import SFTPFileSystem

    class Known(SFTPFileSystem):  # type: ignore[misc]  # fsspec has no types
        cachable = False

        def _connect(self) -> None:
            self.client = paramiko.SSHClient()
            self.client.load_system_host_keys()
            self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
            self.client.connect(self.host, **self.ssh_kwargs)
            self.ftp = self.client.open_sftp()

    user, _, machine = place.host.rpartition("@")
    name, _, port = machine.partition(":")
    how: dict[str, Any] = {
        "port": int(port or 22),
        "timeout": PATIENCE,
        "banner_timeout": PATIENCE,
        "auth_timeout": PATIENCE,
    }
    if user:
        how["username"] = user
    if password := known.get("SSH_PASSWORD"):
        how["password"] = password
    return FolderRemote(Known(name, **how), "/" + "/".join(place.path))
