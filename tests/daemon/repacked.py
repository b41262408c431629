"""Packages taken apart, changed as one likes, and put together again."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zstandard

Found = dict[str, bytes]


def opened(package: Path) -> Found:
    with package.open("rb") as file:
        plain = zstandard.ZstdDecompressor().stream_reader(file).read()
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def info(name: str, **facts: Any) -> tarfile.TarInfo:
    """A header as hostile as one likes."""
    made = tarfile.TarInfo(name)
    for fact, value in facts.items():
        setattr(made, fact, value)
    return made


def packed(found: Found, *more: tuple[tarfile.TarInfo, bytes], format: int = tarfile.GNU_FORMAT) -> bytes:
    """These files as a package, and further members behind them."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=format) as tar:
        for name, body in found.items():
            tar.addfile(info(name, size=len(body)), io.BytesIO(body))
        for member, body in more:
            tar.addfile(member, io.BytesIO(body))
    return zstandard.ZstdCompressor().compress(plain.getvalue())


def changed(found: Found, change: Callable[[dict[str, Any]], None], name: str = "manifest.json") -> Found:
    """The same with another manifest (or header), and a header that fits it."""
    table = json.loads(found[name])
    change(table)
    found = {**found, name: json.dumps(table).encode()}
    if name == "manifest.json":
        about = {"size": len(found[name]), "sha256": hashlib.sha256(found[name]).hexdigest()}
        found = changed(found, lambda head: head.update(manifest=about), "package.json")
    return found
