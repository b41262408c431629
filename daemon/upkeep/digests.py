"""`upkeep/digests.json`: the SHA-256 of files as they were when they were last read whole, with size and time.

A file of the same size, time and inode is the same file, and need not be read again for a backup; one of the same size
and time whose bytes differ was not written since, and is damaged. Losing it costs time and this second sight, nothing
else.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from daemon.upkeep.contents import UPKEEP, Seen
from engines.errors import DiskFull
from engines.files import make_folder, write_whole

NAME = "digests.json"


class Digests:
    """What is known of the files of a home."""

    def __init__(self, home: Path) -> None:
        self._path = home / UPKEEP / NAME
        self._known: dict[str, list[int | str]] = {}
        self._seen: dict[str, list[int | str]] = {}
        with suppress(OSError, ValueError):
            found = json.loads(self._path.read_text())
            self._known = found if isinstance(found, dict) else {}

    def of(self, seen: Seen) -> str:
        """The hash of a file that nobody has written or moved since; empty: not known."""
        match self._known.get(seen.path):
            case [seen.size, seen.mtime, seen.inode, str(sha256)]:
                return sha256
        return ""

    def written(self, seen: Seen) -> str:
        """The hash that a file of this size and time of writing had, be it another copy of it; empty: not known."""
        match self._known.get(seen.path):
            case [seen.size, seen.mtime, _, str(sha256)]:
                return sha256
        return ""

    def put(self, seen: Seen, sha256: str) -> None:
        self._seen[seen.path] = [seen.size, seen.mtime, seen.inode, sha256]

    def doubt(self, seen: Seen, sha256: str) -> None:
        """The file does not hold what it was written with: it is read, and told of, each time until it is mended."""
        self._seen[seen.path] = [seen.size, seen.mtime, 0, sha256]

    def save(self, *, whole: bool) -> None:
        """Keep what was seen; `whole`: all files were, so that what is not among them has gone."""
        kept = self._seen if whole else {**self._known, **self._seen}
        if kept == self._known:
            return
        with suppress(DiskFull, OSError):
            make_folder(self._path.parent)
            write_whole(self._path, json.dumps(kept).encode(), "what is known of files")
            self._known = dict(kept)
