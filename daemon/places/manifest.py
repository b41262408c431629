"""`manifest.json` beside a version that was pushed: which it is, and each file with its size and SHA-256. It is written
last, so where it is, all of it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from daemon.package.archive import Member
from daemon.package.formats import MYNA
from daemon.package.header import is_sha256
from engines.errors import BadInput

FILE, CARD = "manifest.json", "README.md"
FORMAT = 1
#: Bytes of a manifest, and of a package, at most.
LONGEST, BIGGEST = 1 << 20, 1 << 40
_PACKAGE = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_.-]{{0,99}}{re.escape(MYNA)}")
_HINT = "Name the folder that `myna push` told of; push the version again if it is broken."


@dataclass(frozen=True)
class Manifest:
    """What was pushed."""

    version: str  #: "anna@7"
    weights: str  #: SHA-256 over its weights
    package: Member
    others: tuple[Member, ...] = ()


def written(pushed: Manifest) -> bytes:
    """As JSON. The same version gives the same bytes."""
    files = {one.name: {"size": one.size, "sha256": one.sha256} for one in (pushed.package, *pushed.others)}
    table = {
        "format": FORMAT,
        "version": pushed.version,
        "weights": pushed.weights,
        "package": pushed.package.name,
        "files": files,
    }
    return (json.dumps(table, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def read(parts: Iterable[bytes], size: int = 0) -> Manifest:
    """What a place says that it has. `size`: bytes, if that is known; a manifest that is too long is not fetched.
    Raises BadInput for anything that is none."""
    body = b""
    if size > LONGEST:
        raise _wrong("is too long")
    for part in parts:
        body += part
        if len(body) > LONGEST:
            raise _wrong("is too long")
    try:
        table = json.loads(body)
    except (ValueError, RecursionError):
        raise _wrong("is no JSON") from None
    if not isinstance(table, dict) or not isinstance(table.get("files"), dict):
        raise _wrong("lists no files")
    if table.get("format") != FORMAT:
        raise _wrong("was written by another Myna, which this one does not know")
    package = table.get("package")
    if not isinstance(package, str) or not _PACKAGE.fullmatch(package):
        raise _wrong("names no package")
    words = [table.get(name) for name in ("version", "weights")]
    if not all(isinstance(one, str) and len(one) <= 200 and one.isprintable() for one in words):
        raise _wrong("does not tell which version it is")
    return Manifest(str(words[0]), str(words[1]), _member(package, table["files"].get(package)))


def _member(name: str, about: Any) -> Member:
    size, sha256 = (about.get("size"), about.get("sha256")) if isinstance(about, dict) else (None, None)
    if not isinstance(size, int) or isinstance(size, bool) or not 0 < size <= BIGGEST or not is_sha256(sha256):
        raise _wrong("does not tell the size and the SHA-256 of its package")
    return Member(name, size, str(sha256))


def _wrong(how: str) -> BadInput:
    return BadInput(f"The {FILE} there {how}.", _HINT)
