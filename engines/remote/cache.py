"""What a provider spoke before: the same text by the same voice, model and settings costs nothing again.

A file a piece of text, named by the digest of what it was made of; only the owner of the process reads them. Where they
take more than they may, those go that were not heard for the longest time. A cache that cannot be read or written is
none: speech does without."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from engines.files import ABANDONED, TEMPORARY, remove_untouched

FORMAT = 1  #: raised when the same digest would stand for other sound
ENDING = ".pcm"  #: 16-bit little-endian mono at `engines.remote.providers.RATE`


def key(made_of: Sequence[object]) -> str:
    """Of what speech is made of: JSON values."""
    return hashlib.sha256(json.dumps([FORMAT, *made_of]).encode()).hexdigest()


class Cache:
    """A folder, which may hold so many bytes; 0: nothing is kept."""

    def __init__(self, folder: Path | None, most: int) -> None:
        self._folder, self._most = folder, most

    def has(self, key: str) -> bool:
        """Whether the sound is here now."""
        return self._folder is not None and self._most > 0 and (self._folder / (key + ENDING)).is_file()

    def get(self, key: str) -> bytes | None:
        """The sound, if it is here."""
        if self._folder is None or not self._most:
            return None
        path = self._folder / (key + ENDING)
        try:
            sound = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return sound

    def put(self, key: str, sound: bytes) -> None:
        """Keep it, whole or not at all."""
        if self._folder is None or not 0 < len(sound) <= self._most:
            return
        aside = self._folder / f"{TEMPORARY}{os.getpid()}-{key}"
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(sound)
                    file.flush()
                    os.fsync(file.fileno())
                aside.replace(self._folder / (key + ENDING))
            finally:
                aside.unlink(missing_ok=True)
            self._trim(self._folder)

    def _trim(self, folder: Path) -> None:
        """Other processes may do the same at the same time."""
        found = []
        for path in folder.glob(f"*{ENDING}"):
            with suppress(FileNotFoundError):
                about = path.stat()
                found.append((about.st_mtime_ns, about.st_size, path))
        taken = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if taken <= self._most:
                break
            path.unlink(missing_ok=True)
            taken -= size
        remove_untouched(folder.glob(f"{TEMPORARY}*"), ABANDONED)
