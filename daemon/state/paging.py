"""Pages of lists: how many rows, and the token that says where the next one begins. Every list goes through here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from daemon.errors import BadRequest

T = TypeVar("T")

#: Rows of a page, if the caller names none, and at most.
USUAL, MOST = 50, 1_000
#: The greatest whole number that SQLite holds.
GREATEST = 2**63 - 1


def size(asked: int) -> int:
    """Rows of a page of which so many were asked for (0: as usual)."""
    return min(asked or USUAL, MOST)


def number(token: str) -> int:
    """The id or number behind which a page begins; 0: it is the first one. Raises BadRequest for what no answer
    gave."""
    found = whole(token) if token else 0
    if found is None:
        raise BadRequest("This is no page token.", "Use the token of the last answer.")
    return found


def cut(rows: Sequence[T], size: int, token: Callable[[T], object]) -> tuple[list[T], str]:
    """(the rows of a page, the token of the next one or nothing), of rows that were asked for with one more than
    `size`."""
    return list(rows[:size]), str(token(rows[size - 1])) if len(rows) > size else ""


def whole(text: str) -> int | None:
    """The whole number, from 0, that a text of plain digits writes; None: it is none, or none that SQLite holds."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(GREATEST))):
        return None
    return found if (found := int(text)) <= GREATEST else None
