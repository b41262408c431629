"""What can be asked of upkeep, looked at before anything is started for it."""

from __future__ import annotations

import os
from pathlib import Path

from daemon.errors import BadRequest

#: Bytes a second that can be asked for.
LEAST, MOST = 1_000, 1e15


def place(folder: str) -> Path:
    """A folder as it was asked for. Raises BadRequest for none, and for one that depends on where a program runs."""
    if not folder or "\0" in folder or not os.path.isabs(folder):
        raise BadRequest(f"{folder!r} is no folder's whole path.", "Name one that begins with /.")
    return Path(os.path.normpath(folder))


def bound(rate: float) -> float:
    """Bytes a second. Raises BadRequest for what nobody can mean."""
    if rate and not LEAST <= rate < MOST:  # also what is no number
        raise BadRequest(f"{rate:g} bytes a second cannot be kept to.", f"Give 0 for no bound, or at least {LEAST:,}.")
    return rate
