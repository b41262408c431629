"""`recordings/consent.jsonl`: the consent notes of voices, should the database be lost. A line a note, only ever added
to; beside the recordings that they are about."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from daemon.home import lines

NAME = "consent.jsonl"


@dataclass(frozen=True)
class Note:
    """Whose voice it is, and that it may be used, as somebody wrote it."""

    voice: str
    text: str
    by: str  #: who wrote it
    time: str  #: ISO 8601, with its timezone

    @property
    def when(self) -> datetime:
        """Raises ValueError for what is no time with a timezone."""
        found = datetime.fromisoformat(self.time)
        if found.tzinfo is None:
            raise ValueError(self.time)
        return found


def add(home: Path, notes: Iterable[Note]) -> None:
    """Append lines, as `lines.append` does."""
    lines.append(home / "recordings" / NAME, map(asdict, notes))


def renamed(home: Path, old: str, new: str) -> None:
    """From here on, all notes of the voice `old` are of `new`. Said twice is said once."""
    if (home / "recordings" / NAME).exists():
        lines.append(home / "recordings" / NAME, [{"renamed": old, "to": new}])


def read(home: Path) -> list[Note]:
    """All notes, in the order in which they were written, each once. Lines that cannot be read are passed over."""
    found: dict[Note, None] = {}
    for record in lines.read(home / "recordings" / NAME):
        with contextlib.suppress(ValueError, TypeError):
            if record.keys() == {"renamed", "to"}:
                old, new = str(record["renamed"]), str(record["to"])
                found = {replace(note, voice=new) if note.voice == old else note: None for note in found}
                continue
            note = Note(**{name: str(value) for name, value in record.items()})
            _ = note.when
            found[note] = None
    return list(found)
