"""A folder elsewhere, as workers use it; which library speaks with which place; and what a library's error means."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Protocol

from daemon.errors import MynaError
from daemon.places import credentials
from daemon.places.place import Place, Scheme
from daemon.push_settings import Push
from daemon.worker.job import Stopped
from engines.errors import BadInput, EngineError
from engines.files import closed_disk

#: Bytes read at once.
BLOCK = 4 << 20
#: Called with the bytes that are there by now. Raises what the daemon ordered.
Tell = Callable[[int], None]
INSTALL = "Install it where mynad runs: `pip install 'myna-voice[push]'`."


class Remote(Protocol):
    """A folder elsewhere. Names are of files right in it."""

    def size(self, name: str) -> int | None:
        """Bytes of a file; None: there is none."""
        ...

    def send(self, file: Path, name: str, tell: Tell) -> None:
        """Put a file there, whole or not at all, over one of that name. Goes on where an attempt before was killed, as
        far as the place can."""
        ...

    def read(self, name: str, start: int = 0) -> Iterator[bytes]:
        """What is in a file, from a byte on. Raises FileNotFoundError."""
        ...


def opened(place: Place, settings: Push, aside: Path) -> Remote:
    """The folder of a place; `aside`: a folder here for what a library puts on the disk. Raises BadInput where a
    library, a setting or a credential is missing."""
    known = credentials.read(settings.credentials)
    try:
        match place.scheme:
            case Scheme.HUB:
                found: Remote = import_module("daemon.places.over_hub").HubRemote(place, known, aside)
            case Scheme.S3 | Scheme.R2:
                found = import_module("daemon.places.over_s3").opened(place, settings, known)
            case Scheme.FILE:
                found = import_module("daemon.places.over_files").here(place)
            case Scheme.SSH:
                found = import_module("daemon.places.over_files").by_ssh(place, known)
    except ImportError as error:
        raise BadInput(f"{place.scheme}:// needs a package that is not installed ({error.name}).", INSTALL) from None
    return found


@contextmanager
def told(place: Place, settings: Push) -> Iterator[None]:
    """Turn what a library raises into a sentence, without anything secret. A full disk stays an OSError."""
    try:
        yield
    except (EngineError, MynaError, Stopped):
        raise
    except Exception as error:
        if closed_disk(error, ""):
            raise
        hint = "See that the place is there and that mynad's credentials open it, then `myna retry` goes on."
        what = credentials.without(" ".join(str(error).split()), credentials.read(settings.credentials))[:300]
        named = type(error).__name__
        raise EngineError(f"{place} does not do what is asked ({named}): {what or 'it does not say why'}", hint) from (
            None
        )


def digest(parts: Iterator[bytes], tell: Tell | None = None) -> str:
    """SHA-256 of what comes."""
    sha256, have = hashlib.sha256(), 0
    for block in parts:
        sha256.update(block)
        have += len(block)
        if tell is not None:
            tell(have)
    return sha256.hexdigest()


def has(remote: Remote, name: str, size: int, sha256: str, tell: Tell | None = None) -> bool:
    """Whether a file is there with these bytes: it is read back."""
    return remote.size(name) == size and digest(remote.read(name), tell) == sha256
