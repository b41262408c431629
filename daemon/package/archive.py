"""The file of a package: a tar of plain files, compressed with Zstandard.

Written so that the same members are the same bytes: no times, no owners, one order. Read by a reader of its own, as a
stream and header by header, since what comes from elsewhere may be anything: only plain files with short names are
taken, extended headers (of any length, which Python's `tarfile` would read into memory) are refused, and never is more
in memory than a piece.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, NoReturn

import zstandard

from engines.errors import BadInput

#: Bytes of a block of a tar file.
BLOCK = 512
#: Bytes handed on at a time.
PIECE = 1 << 20
#: Bytes that a reader must keep in memory to decompress, at most. What we write wants 2 MB.
WINDOW = 8 << 20
#: Bytes behind the last member: a tar file ends with two blocks of zeros, filled up to a record.
TAIL = 1 << 20
LEVEL = 3
#: What a member is, where it is no plain file, by the type in its header.
_KINDS = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a named pipe",
    tarfile.DIRTYPE: "a folder",
}

HINT = "Have it exported again with `myna export`, and check that it was copied whole."


class BadPackage(BadInput):
    """The file is no package of ours, or no whole one."""

    def __init__(self, sentence: str, hint: str = HINT) -> None:
        super().__init__(sentence, hint)


@dataclass(frozen=True)
class Member:
    """A file in a package."""

    name: str
    size: int  #: bytes
    sha256: str


class Writer:
    """Writes members one after another."""

    def __init__(self, file: BinaryIO) -> None:
        self._out = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).stream_writer(file, closefd=False)

    def add(self, member: Member, content: BinaryIO, alive: Callable[[], None] = lambda: None) -> None:
        """Add a file. Raises BadInput if its content is not what is said of it."""
        self._out.write(header(member.name, member.size))
        digest, size = hashlib.sha256(), 0
        while data := content.read(PIECE):
            digest.update(data)
            size += len(data)
            self._out.write(data)
            alive()
        if (size, digest.hexdigest()) != (member.size, member.sha256):
            raise BadInput(f"{member.name} has changed on the disk: it is not what its name says.", "Bring it back.")
        self._out.write(b"\0" * (-size % BLOCK))

    def close(self) -> None:
        """End the file. It is not whole before."""
        self._out.write(b"\0" * (2 * BLOCK))
        self._out.close()  # type: ignore[no-untyped-call]  # the only one of the library without types


def header(name: str, size: int) -> bytes:
    """The header of a plain file: of no time, and of nobody."""
    facts = tarfile.TarInfo(name)
    facts.size, facts.mode = size, 0o644
    return facts.tobuf(tarfile.GNU_FORMAT)


class Reader:
    """Members one after another, of whatever somebody made."""

    def __init__(self, file: BinaryIO) -> None:
        self._in = zstandard.ZstdDecompressor(max_window_size=WINDOW).stream_reader(
            file, closefd=False, read_across_frames=False
        )
        self._left = 0  #: bytes of the present member that were not read
        self._padding = 0

    def next(self) -> tuple[str, int] | None:
        """(name, bytes) of the next member; None: there is none. What was not read of the one before is passed over.
        Raises BadPackage for what is no plain file."""
        for _ in self.pieces():
            pass
        self._exactly(self._padding)
        block = self._read(BLOCK)
        if len(block) < BLOCK:
            _refuse("It ends before its end: it is cut short.")
        if block == b"\0" * BLOCK:
            self._end()
            return None
        try:
            facts = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError:
            _refuse("It is no package of Myna: there is no tar file in it.")
        shown = ascii(facts.name)[:120]
        if facts.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
            _refuse(f"It has {_KINDS.get(facts.type, 'an extended header')} in it ({shown}), and only files are taken.")
        if facts.name.startswith("/"):
            _refuse(f"It has a file with an absolute name in it ({shown}).")
        if ".." in facts.name.split("/"):
            _refuse(f"It has a file in it that leads out of its folder ({shown}).")
        if facts.size < 0:
            _refuse(f"It has a file of a size that cannot be in it ({shown}).")
        self._left, self._padding = facts.size, -facts.size % BLOCK
        return facts.name, facts.size

    def pieces(self) -> Iterator[bytes]:
        """The content of the present member. Raises BadPackage if it is cut short."""
        while self._left:
            data = self._read(min(PIECE, self._left))
            if not data:
                _refuse("It ends before its end: it is cut short.")
            self._left -= len(data)
            yield data

    def whole(self, limit: int, what: str) -> bytes:
        """The content of the present member, of at most so many bytes. Raises BadPackage."""
        if self._left > limit:
            _refuse(f"Its {what} has {self._left:,} bytes; {limit:,} are the most.")
        return b"".join(self.pieces())

    def _end(self) -> None:
        """Nothing but zeros may follow, and the checksum must be right."""
        seen = 0
        while data := self._read(PIECE):
            seen += len(data)
            if seen > TAIL or data.strip(b"\0"):
                _refuse("There is more in it behind its end.")

    def _exactly(self, count: int) -> None:
        if len(self._read(count)) != count:
            _refuse("It ends before its end: it is cut short.")

    def _read(self, count: int) -> bytes:
        """So many bytes, or fewer at the end."""
        parts: list[bytes] = []
        try:
            while count and (data := self._in.read(count)):
                parts.append(data)
                count -= len(data)
        except zstandard.ZstdError as error:
            memory = "memory" in str(error)
            _refuse(
                f"It wants more than {WINDOW >> 20} MB of memory to be decompressed."
                if memory
                else "It is damaged, or not compressed with Zstandard as packages are."
            )
        return b"".join(parts)


def _refuse(sentence: str) -> NoReturn:
    raise BadPackage(sentence) from None
