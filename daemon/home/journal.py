"""`recordings/index.jsonl`: what each file in `recordings/` is, should the database be lost. A line a recording and
change, only ever added to. Of several lines on a recording in a voice, the last counts; but as in the database, its
name is the first, and a text is never taken back.

The ingest worker writes a line before it reports a recording (one write, of a few hundred bytes where no subtitles came
with it, no sync: it is read only when the database is gone); mynad writes one when a text comes late, when a recording
is taken out or brought back, and after its start for recordings that have none (those of before there was a journal).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.home import lines
from daemon.inbox import subtitles

if TYPE_CHECKING:  # the ingest worker has no database to import
    from daemon.database.models import Recording
    from proto.worker_pb2 import PackedDataset

INDEX = "index.jsonl"


@dataclass(frozen=True)
class Entry:
    """What is known of a recording in one voice."""

    voice: str
    sha256: str
    name: str  #: as it was called in the inbox
    text: str | None = None
    text_from: str = ""
    removed: bool = False  #: a person took it out of the voice
    cues: list[list[float | str]] = field(default_factory=list)  #: when the text is said, as rows have it

    @classmethod
    def of(cls, row: Recording) -> Entry:
        return cls(row.voice, row.sha256, row.name, row.text, row.text_from, row.removed is not None, row.cues)

    @classmethod
    def given(cls, voice: str, packed: PackedDataset) -> list[Entry]:
        """Of what a voice gets from a package or from another voice. What was made is not in recordings/."""
        return [
            cls(
                voice,
                one.sha256,
                one.name,
                one.text if one.HasField("text") else None,
                one.text_from,
                cues=subtitles.stored(one.cues),
            )
            for one in packed.recordings
            if not one.made_from
        ]


def add(home: Path, entries: Iterable[Entry]) -> None:
    """Append lines, as `lines.append` does."""
    lines.append(home / "recordings" / INDEX, map(_line, entries))


def _line(entry: Entry) -> dict[str, object]:
    """Cues only where there are some: an older Myna reads the line, too."""
    return {name: value for name, value in asdict(entry).items() if name != "cues" or value}


def renamed(home: Path, old: str, new: str) -> None:
    """From here on, all that was said of the voice `old` is said of `new`. Said twice is said once."""
    if (home / "recordings" / INDEX).exists():
        lines.append(home / "recordings" / INDEX, [{"renamed": old, "to": new}])


def read(home: Path) -> dict[tuple[str, str], Entry]:
    """What is known of each (voice, SHA-256). Lines that cannot be read are passed over."""
    found: dict[tuple[str, str], Entry] = {}
    for record in lines.read(home / "recordings" / INDEX):
        with contextlib.suppress(ValueError, TypeError):
            if record.keys() == {"renamed", "to"}:
                found = _renamed(found, str(record["renamed"]), str(record["to"]))
                continue
            entry = Entry(**record)  # type: ignore[arg-type]  # what is no entry is no line
            subtitles.of_row(entry.cues)  # what are no cues is no line
            before = found.get((entry.voice, entry.sha256))
            if before is not None:
                entry = replace(entry, name=before.name)
                if entry.text is None:
                    entry = replace(entry, text=before.text, text_from=before.text_from, cues=before.cues)
            found[entry.voice, entry.sha256] = entry
    return found


def _renamed(found: dict[tuple[str, str], Entry], old: str, new: str) -> dict[tuple[str, str], Entry]:
    """The same, with one voice called otherwise."""
    moved = {(new, sha256): replace(entry, voice=new) for (voice, sha256), entry in found.items() if voice == old}
    return {key: entry for key, entry in found.items() if key[0] != old} | moved
