"""The file with a provider's key: only its path travels, and who sends a request reads it. What it holds is in no
sentence, log or row. Imports nothing heavy: the daemon asks whether there is one."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from engines.errors import EngineError

LONGEST = 4_096  #: bytes of the file
#: The folder in which systemd puts a service's credentials. It guards them itself, also where its access lists show as
#: rights of the group.
CREDENTIALS = "CREDENTIALS_DIRECTORY"
_KEY = re.compile(r"[\x21-\x7e]+")


class KeyMissing(EngineError):
    """There is no key that could be used."""


def credential(name: str) -> Path | None:
    """The file of a credential that systemd gave this service; None: there is none."""
    folder = os.environ.get(CREDENTIALS)
    path = Path(folder) / name if folder else None
    return path if path is not None and path.is_file() else None


def read(path: Path) -> str:
    """The key. Raises KeyMissing, with what to do and without a word of what the file holds."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "that is no path"
        raise KeyMissing(
            f"The key file {path} cannot be read: {why}.", "Write the key into it, and nothing else."
        ) from None
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise KeyMissing(f"The key file {path} is no file.", "Name a file that holds the key, and nothing else.")
        guarded = os.environ.get(CREDENTIALS, "") == str(path.parent)
        if about.st_mode & (0o007 if guarded else 0o077):
            raise KeyMissing(f"Other users can read the key file {path}.", f"`chmod 600 {path}`.")
        held = os.read(descriptor, LONGEST + 1)
    except OSError as error:
        raise KeyMissing(f"The key file {path} cannot be read: {error.strerror}.", "See whose it is.") from None
    finally:
        os.close(descriptor)
    key = held.decode("utf-8", errors="replace").strip()
    if len(held) > LONGEST or not _KEY.fullmatch(key):
        raise KeyMissing(
            f"What the key file {path} holds is no key.", "Write the key into it on one line, and nothing else."
        )
    return key
