"""Stopping an engine between two chunks of speech: who lets it speak gives a check, which raises to stop it, and the
engine calls it where it can. Without one, nothing happens.

It is no part of a request, which may go to another process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


def _nothing() -> None:
    """Nobody can stop it."""


_check: ContextVar[Callable[[], None]] = ContextVar("check", default=_nothing)


def check() -> None:
    """To be called between units of work that take tenths of a second. Raises what the given check raises."""
    _check.get()()


@contextmanager
def checked_by(given: Callable[[], None]) -> Iterator[None]:
    """Have engines call `given` for as long as the block lasts."""
    token = _check.set(given)
    try:
        yield
    finally:
        _check.reset(token)
