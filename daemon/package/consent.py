"""A voice's consent note in what leaves it: a table of a package's manifest, and a text for people in other exports.
An older Myna reads a package without looking at it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.names import printable
from proto import myna_pb2 as pb

#: Name of the table in a manifest, and of the text.
TABLE, FILE = "consent", "CONSENT.md"
#: Characters of a note and of a name that are read, at most.
NOTE_LIMIT, NAME_LIMIT = 2_000, 200


def table(note: pb.ConsentNote) -> dict[str, Any]:
    """The note as a manifest has it; empty: there is none."""
    if not note.text:
        return {}
    return {"text": note.text, "by": note.by, "time": note.time.ToJsonString(), "voice": note.voice}


def read(manifest: Mapping[str, Any]) -> pb.ConsentNote | None:
    """The note in a manifest; None: it has none, or one that is none: then a person writes it anew."""
    found = manifest.get(TABLE)
    if not isinstance(found, dict):
        return None
    words = {name: _line(found.get(name)) for name in ("text", "by", "voice")}
    note = pb.ConsentNote(
        text=words["text"][:NOTE_LIMIT], by=words["by"][:NAME_LIMIT], voice=words["voice"][:NAME_LIMIT]
    )
    try:
        note.time.FromJsonString(str(found.get("time")))
    except ValueError:
        return None
    return note if note.text and note.by else None


def text(note: pb.ConsentNote) -> str:
    """For people who get the export."""
    when = note.time.ToDatetime().date()
    written = f"Written by {note.by} on {when}, of the voice {note.voice}."
    return f"# Consent\n\nWhose voice this is, and that it may be used:\n\n> {note.text}\n\n{written}\n"


def _line(value: object) -> str:
    return " ".join(printable(value.encode("utf-8", "surrogatepass")).split()) if isinstance(value, str) else ""
