"""What a command prints: tables and lines for people, JSON for scripts, errors as a sentence with what to do.

Colour only on a terminal, and never with NO_COLOR (no-color.org). Nothing that came from a file name or a text can move
the cursor or change colours: control characters are shown as escapes.
"""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, TextIO

import typer

from proto import myna_pb2 as pb
from proto.channel import ClientError
from tui import as_json

#: the option that every command has
Json = Annotated[bool, typer.Option("--json", help="JSON for scripts instead of text for people.")]

COLOURS = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "dim": "2", "bold": "1"}
STATES = {
    "running": "cyan", "succeeded": "green", "promoted": "green", "ok": "green", "taken": "green",
    "failed": "red", "problem": "red", "refused": "red", "paused": "yellow", "note": "yellow", "cancelled": "dim",
    "archived": "dim", "purged": "dim",
}  # fmt: skip


def colourful(stream: TextIO) -> bool:
    """May escape codes be written there?"""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str, stream: TextIO | None = None) -> str:
    """The text in a colour, where that is wanted."""
    return f"\033[{COLOURS[colour]}m{text}\033[0m" if colour and colourful(stream or sys.stdout) else text


def state(word: str) -> str:
    """A state in its colour."""
    return paint(word, STATES.get(word, ""))


def safe(text: str) -> str:
    """Without anything that a terminal would obey, on one line."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def line(text: str = "") -> None:
    """One line for a person; must be safe already."""
    print(text)


def note(text: str) -> None:
    """Something beside the result: to stderr, so that pipes stay clean."""
    print(text, file=sys.stderr)


def table(head: Sequence[str], rows: Iterable[Sequence[object]], empty: str = "") -> None:
    """Aligned columns, numbers to the right. The last column is cut to the terminal's width; a pipe gets it whole."""
    cells = [[safe(str(cell)) for cell in row] for row in rows]
    if not cells:
        if empty:
            line(empty)
        return
    widths = [max(width(cell) for cell in column) for column in zip(head, *cells, strict=True)]
    right = [all(_numeric(cell) for cell in column) for column in zip(*cells, strict=True)]
    room = shutil.get_terminal_size().columns - sum(widths[:-1]) - 2 * (len(head) - 1) if sys.stdout.isatty() else 0
    print(paint(_row([cell.lower() for cell in head], widths, right, room), "dim"))
    for row in cells:
        print(_row(row, widths, right, room, coloured=True))


def width(text: str) -> int:
    """Columns a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _row(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool], room: int, coloured: bool = False) -> str:
    parts = []
    for place, cell in enumerate(cells):
        last = place == len(cells) - 1
        shown = _cut(cell, room) if last and room > 8 else cell
        space = " " * max(0, widths[place] - width(shown))
        painted = state(shown) if coloured else shown
        parts.append(space + painted if right[place] else painted if last else painted + space)
    return "  ".join(parts).rstrip()


def _cut(text: str, room: int) -> str:
    if width(text) <= room:
        return text
    while text and width(text) > room - 1:
        text = text[:-1]
    return text + "…"


def _numeric(cell: str) -> bool:
    return not cell or cell.replace(",", "").replace(".", "").replace("-", "").isdecimal()


def fields(rows: Iterable[tuple[str, object]]) -> None:
    """Name and value a line; empty values are left out."""
    shown = [(name, safe(str(value))) for name, value in rows if value not in ("", None)]
    broad = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        print(paint(name.ljust(broad), "dim") + "  " + (state(value) if name == "state" else value))


def findings(found: Iterable[pb.Finding]) -> None:
    """What was found, one a line, each with what to do where something is to be done."""
    for finding in found:
        padded = state(finding.state) + " " * (7 - len(finding.state))
        line(f"{padded}  {finding.name}: {safe(finding.sentence)}")
        if finding.hint and finding.state != "ok":
            line(f"         {safe(finding.hint)}")


def json(value: Any) -> None:
    """A message, or lists and dicts of plain values, as JSON: indented on a terminal."""
    if isinstance(value, list):
        value = [as_json.plain(item) if hasattr(item, "DESCRIPTOR") else item for item in value]
    print(as_json.pretty(value) if sys.stdout.isatty() else as_json.line(value))


def json_line(value: Any) -> None:
    """One JSON object on a line of its own, at once: for streams."""
    print(as_json.line(value), flush=True)


def error(problem: ClientError, as_object: bool = False) -> None:
    """What went wrong and what to do, on stderr."""
    if as_object:
        print(as_json.line({"error": problem.sentence, "hint": problem.hint, "code": problem.code}), file=sys.stderr)
        return
    print(f"{paint('myna:', 'red', sys.stderr)} {safe(problem.sentence)}", file=sys.stderr)
    if problem.hint:
        print(f"  {safe(problem.hint)}", file=sys.stderr)
