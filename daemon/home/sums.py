"""`SHA256SUMS` in a version's folder: the hashes of its files as they were written, in the form that `sha256sum -c`
reads. A damaged disk shows in them, with and without a database. What is written into the folder later (its report) is
not in it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from engines.files import write_whole

NAME = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64})  ((?!\.?\.?/)[^\0]+)")


def write(folder: Path, beside: Iterable[str]) -> None:
    """Of all files in the folder but those named `beside`. Reads them whole; the caller syncs. Raises OSError."""
    left = {*beside, NAME}
    lines = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in left:
            with path.open("rb") as file:
                lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.relative_to(folder)}\n")
    (folder / NAME).write_text("".join(lines), encoding="utf-8")


def renew(folder: Path, name: str) -> None:
    """A file of the folder was written anew, for a good reason. Done twice is done once; nothing where no hashes are
    kept. Raises OSError, DiskFull."""
    try:
        known = parse((folder / NAME).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # of an older Myna; or damaged, which a check tells
        return
    now = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    if known.get(name) != now:
        known[name] = now
        lines = "".join(f"{sha256}  {each}\n" for each, sha256 in sorted(known.items()))
        write_whole(folder / NAME, lines.encode(), "a version's hashes")


def parse(text: str) -> dict[str, str]:
    """Hashes by name. Raises ValueError for what is no such list."""
    found = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(line)
        found[match[2]] = match[1]
    return found
