"""Idempotency keys are a person's own: two people with the same key get two jobs. The owner's are stored as they are,
others' behind their name."""

from __future__ import annotations

from daemon.caller import Caller

MARK = "\x1f"  #: around the name; in none of the names


def stored(caller: Caller, key: str) -> str:
    """As a job's row has it."""
    return f"{MARK}{caller.name}{MARK}{key}" if key and caller.name else key


def plain(key: str) -> str:
    """As it was given."""
    return key.split(MARK, 2)[2] if key.startswith(MARK) else key
