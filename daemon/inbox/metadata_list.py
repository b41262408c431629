"""The lines of a list of texts, whatever form it has."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from itertools import chain

#: What the first column of a list is called, where its first line says so …
_NAMES = ("file_name", "id", "file", "filename", "audio_file", "audio", "path", "wav")
#: … and those that a text may be in; the first that is there counts.
_TEXTS = ("text", "transcription", "transcript", "sentence", "normalized_text", "raw_text")


def entries(lines: Iterator[str], *, jsonl: bool) -> Iterator[tuple[int, str, str]]:
    """(number of the line from 1, name of the recording, text); empty where a line does not tell. Empty lines, and one
    of headings, are passed over."""
    if jsonl:
        yield from _json(lines)
        return
    first = next(lines, "")
    columns = [column.strip().lower() for column in first.strip().split(",")]
    every = chain([first], lines)
    if "|" not in first and any(name in columns for name in _NAMES) and any(text in columns for text in _TEXTS):
        yield from _columns(every)
    else:
        yield from _bars(every)


def _bars(lines: Iterator[str]) -> Iterator[tuple[int, str, str]]:
    """LJSpeech: `id|text` or `id|raw|normalised`."""
    for number, line in enumerate(lines, 1):
        fields = [part.strip() for part in line.split("|", 3)]
        if not line.strip() or (number == 1 and fields[0].lower() in _NAMES):
            continue
        text = next((part for part in (fields[2:3] + fields[1:2]) if part), "")
        yield number, fields[0] if len(fields) > 1 else "", " ".join(text.split())


def _columns(lines: Iterator[str]) -> Iterator[tuple[int, str, str]]:
    """Comma-separated values under headings."""
    rows = csv.reader(lines)
    headings = [heading.strip().lower() for heading in next(rows, [])]
    while True:
        try:
            row = next(rows, None)
        except csv.Error:
            yield rows.line_num, "", ""
            continue
        if row is None:
            return
        if any(cell.strip() for cell in row):
            yield rows.line_num, *_of(dict(zip(headings, row, strict=False)))


def _json(lines: Iterator[str]) -> Iterator[tuple[int, str, str]]:
    """An object on each line."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        table = found if isinstance(found, dict) else {}
        yield number, *_of({str(key).lower(): value for key, value in table.items() if isinstance(value, str)})


def _of(row: dict[str, str]) -> tuple[str, str]:
    name = next((row[name].strip() for name in _NAMES if row.get(name, "").strip()), "")
    text = next((row[text] for text in _TEXTS if row.get(text, "").strip()), "")
    return name, " ".join(text.split())
