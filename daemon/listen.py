"""Where mynad listens: a Unix socket only its user can open, and TCP only with TLS and a token (or client certificates)."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from daemon.errors import BadRequest

#: bytes a Unix socket's path may have (sun_path, less its closing zero)
PATH_LIMIT = 107


def unix_address(path: Path) -> str:
    """gRPC's name of the socket. Raises BadRequest where the path is too long for the system."""
    length = len(os.fsencode(path))
    if length > PATH_LIMIT:
        raise BadRequest(
            f"The socket's path {path} is {length} bytes long, and the system allows {PATH_LIMIT}.",
            "Set MYNA_HOME to a folder with a shorter path (a symbolic link will do).",
        )
    return f"unix:{path}"


def remove_stale(path: Path) -> None:
    """Remove what a killed mynad left. Call only with the lock held: nobody else can be listening then. Raises BadRequest when
    something that is no socket has the name: that is not ours to delete."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise BadRequest(f"{path} is in the way: it is no socket.", "Move it away, then start mynad again.")
    path.unlink()
