"""Settings put into a table of a TOML file that a person wrote: comments, order and everything else in it stay as they
are.

Only what is plain is changed: `[table]` and `key = value` below it. What comes out is held against what was to come
out, so a file that is written in another way is refused and never spoilt.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from proto import people_toml
from proto.people_toml import BadToml

Value = int | float | str | bool

_HEADER = re.compile(r"\s*\[\s*(?P<name>[A-Za-z0-9_-]+)\s*\]\s*(?:#[^\n]*)?\n?\Z")
_KEY = re.compile(r"\s*(?P<name>[A-Za-z0-9_-]+)\s*=[ \t]*")


@dataclass
class _Statement:
    """A line, or the lines that one value takes."""

    text: str
    end: int  #: where in the text its last part ends that is neither space nor comment


def put(data: bytes, table: str, settings: Mapping[str, Value]) -> bytes:
    """The file with these settings in the table, which is added if it is missing. Raises BadToml for a file that is
    none, or in which they cannot be set without changing more."""
    before = people_toml.loads(data)
    text = data.decode("utf-8")
    newline = "\r\n" if "\r\n" in text else "\n"
    statements = list(_statements(text.replace("\r\n", "\n")))
    done = _replaced(statements, table, settings)
    changed = "".join(done).replace("\n", newline).encode("utf-8")
    wanted = {**before, table: {**_table(before, table), **settings}}
    try:
        if people_toml.loads(changed) == wanted:
            return changed
    except BadToml:
        pass
    lines = "; ".join(f"{name} = {literal(value)}" for name, value in settings.items())
    raise BadToml(f"has [{table}] written in a way that is not changed by itself.", f"Set there by hand: {lines}.")


def literal(value: Value) -> str:
    """As TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if isinstance(value, str) else str(value)


def _table(values: Mapping[str, Any], table: str) -> dict[str, Any]:
    found = values.get(table, {})
    return dict(found) if isinstance(found, dict) else {}


def _replaced(statements: list[_Statement], table: str, settings: Mapping[str, Value]) -> list[str]:
    """The texts of the statements, with the settings in the table."""
    lines = [one.text for one in statements]
    waiting = dict(settings)
    inside, last = False, None  # the last statement of the table that says something
    for index, one in enumerate(statements):
        header = _HEADER.match(one.text)
        if header is not None or one.text.lstrip().startswith("["):
            inside = header is not None and header["name"] == table
            last = index if inside else last
        elif inside and (key := _KEY.match(one.text)) is not None:
            last = index
            if key["name"] in waiting:
                value = literal(waiting.pop(key["name"]))
                lines[index] = one.text[: key.end()] + value + one.text[one.end :]
    added = [f"{name} = {literal(value)}\n" for name, value in waiting.items()]
    if not added:
        return lines
    if last is None:
        gap = "\n" if "".join(lines).strip() else ""
        return [*_ended(lines), f"{gap}[{table}]\n", *added]
    return [*_ended(lines[: last + 1]), *added, *lines[last + 1 :]]


def _ended(lines: list[str]) -> list[str]:
    """The last line may lack its end."""
    return [*lines, "\n"] if lines and not lines[-1].endswith("\n") else lines


def _statements(text: str) -> Iterator[_Statement]:
    """The text in pieces: what lies in brackets or in a string of several lines is one."""
    at = start = end = depth = 0
    while at < len(text):
        found = people_toml.TOKEN.match(text, at)
        if found is None:  # `people_toml.loads` has read it: there is none such
            raise tomllib.TOMLDecodeError("a string does not end")
        piece, kind = found[0], found.lastgroup
        at = found.end()
        depth += (kind == "open") - (kind == "close")
        if kind not in ("comment", "space") and piece != "\n":
            end = at - start
        if piece == "\n" and depth == 0:
            yield _Statement(text[start:at], end)
            start, end = at, 0
    if start < len(text):
        yield _Statement(text[start:], end)
