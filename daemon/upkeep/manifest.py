"""The list of a snapshot's files: JSON lines, gzipped. The first says of what and when, the last what must have come
before it, so that a list that was cut short or altered is noticed.

It reads without Myna: `zcat ID.json.gz`; the file of a line lies in `objects/` by its hash.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from engines.files import opened_whole

FORMAT = 1
#: bytes of a line, at most: a path has 4,096
LONGEST = 1 << 16


class DamagedList(Exception):
    """What is in the file is not what was written."""


@dataclass(frozen=True)
class File:
    """A file as it was. Restored, it has the same times: Myna tells by them whether a version changed."""

    path: str  #: relative to the home
    size: int
    sha256: str
    mode: int
    mtime: int  #: nanoseconds since 1970
    inode: int = 0  #: so that the next backup need not read it again


@dataclass(frozen=True)
class Manifest:
    """A snapshot."""

    id: str
    home: str  #: UUID
    schema: str
    database: File
    files: tuple[File, ...]
    folders: tuple[str, ...] = ()  #: of the inbox, for they may be empty
    myna: str = ""  #: the version that took it
    left: tuple[str, ...] = ()  #: what was asked to be left out or was not asked for: see `contents.Wanted`
    bases: tuple[str, ...] = field(default=())  #: engines whose base its voices need, beside those that come with Myna

    @property
    def every(self) -> Iterator[File]:
        """The database first."""
        yield self.database
        yield from self.files

    @property
    def size(self) -> int:
        return sum(file.size for file in self.every)


def write(path: Path, manifest: Manifest) -> None:
    """Whole or not at all, and synced. Raises DiskFull."""
    digest, count = hashlib.sha256(), 0
    with opened_whole(path, "a snapshot's list of files") as raw, gzip.open(raw, "wb", compresslevel=6) as out:
        for record in _records(manifest):
            line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
            digest.update(line)
            out.write(line)
            count += 1
        out.write(json.dumps({"lines": count, "sha256": digest.hexdigest()}).encode() + b"\n")


def read(path: Path) -> Manifest:
    """Raises DamagedList, and OSError."""
    digest, records, last = hashlib.sha256(), [], None
    try:
        with gzip.open(path, "rb") as lines:
            while line := lines.readline(LONGEST):
                if last is not None:
                    digest.update(last)
                    records.append(json.loads(last))
                last = line
        end = json.loads(last or b"null")
        if end != {"lines": len(records), "sha256": digest.hexdigest()}:
            raise DamagedList("its end does not fit what comes before it")
        head, database, *files = records
        if head["format"] != FORMAT:
            raise DamagedList(f"its format is {head['format']}, not {FORMAT}")
        return Manifest(
            id=str(head["id"]), home=str(head["home"]), schema=str(head["schema"]), myna=str(head["myna"]),
            database=_file(database), files=tuple(map(_file, files)), folders=tuple(map(_inside, head["folders"])),
            left=tuple(head["left"]), bases=tuple(head["bases"]),
        )  # fmt: skip
    except (EOFError, zlib.error, ValueError, KeyError, TypeError, gzip.BadGzipFile) as error:
        raise DamagedList(str(error)) from error


def head(path: Path) -> dict[str, Any]:
    """What the first line says: of what, when, `count` files of `size` bytes. The rest is not looked at. Raises
    DamagedList."""
    try:
        with gzip.open(path, "rb") as lines:
            found = json.loads(lines.readline(LONGEST))
        if found["format"] != FORMAT:
            raise DamagedList(f"its format is {found['format']}, not {FORMAT}")
        return {"home": str(found["home"]), "schema": str(found["schema"])} | {
            name: int(found[name]) for name in ("count", "size")
        }
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise DamagedList(str(error)) from error


def _records(manifest: Manifest) -> Iterable[dict[str, Any]]:
    head = {name: value for name, value in vars(manifest).items() if name not in ("files", "database")}
    yield {"format": FORMAT, **head, "count": len(manifest.files) + 1, "size": manifest.size}
    yield from (asdict(file) for file in manifest.every)


def _file(record: dict[str, Any]) -> File:
    file = File(**record)
    numbers = (file.size, file.mode, file.mtime, file.inode)
    if not all(isinstance(number, int) for number in numbers) or not is_hash(file.sha256):
        raise DamagedList(f"{file.path!r} is not described")
    _inside(file.path)
    return file


def _inside(path: str) -> str:
    """A path that leads nowhere but below the home."""
    parts = str(path).split("/")
    if not path or "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise DamagedList(f"{path!r} is no path of a home")
    return str(path)


def is_hash(text: str) -> bool:
    """Whether it is a SHA-256, in hex."""
    return isinstance(text, str) and len(text) == 64 and all(letter in "0123456789abcdef" for letter in text)


def hash_of(file: BinaryIO, read: Callable[[int], None] = lambda size: None) -> str:
    """SHA-256 of a file from here to its end; `read` is told of every stretch. Raises OSError."""
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
        read(len(block))
    return digest.hexdigest()
