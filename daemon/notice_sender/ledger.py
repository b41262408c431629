"""What became of the message that was sent last: a file, written before it is sent and after, so that a kill between
the two leaves no doubt but the one there is."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path


class State(StrEnum):
    """How far it came."""

    BEGUN = "begun"  #: what became of it was not written down
    TAKEN = "taken"
    REFUSED = "refused"


@dataclass(frozen=True)
class Entry:
    """Of one message."""

    key: str
    state: State
    said: str = ""
    without_sample: bool = False  #: the service did not want it with the sample


class Ledger:
    """The file of one notifier. Only who has its lock may use it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def last(self) -> Entry | None:
        """None: nothing was sent, or the file is gone or damaged."""
        try:
            values = json.loads(self._path.read_bytes())
            return Entry(**{**values, "state": State(values["state"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def write(self, entry: Entry) -> None:
        """In place of the last one; on disk when it returns. Raises OSError."""
        aside = self._path.with_suffix(".part")
        with aside.open("w", encoding="utf-8") as file:
            json.dump(asdict(entry), file)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
