"""The refused files of one folder of the inbox, as its `.refused` has them: whoever asks later is told what was told
when they were refused, for as long as they lie there."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import dataclass

from daemon.inbox.folder import InboxFolder, exists_in, open_in
from daemon.inbox.refusals import WHY
from daemon.names import REFUSED, VOICE_TOML

#: Reasons that are read of one folder: those of the newest files.
MOST = 500
#: Bytes read of a reason.
_LONGEST = 4_096
#: Seconds after a change of a folder in which another one may bear the same time.
_BLUR = 2.0


@dataclass(frozen=True)
class Refused:
    """A file that was refused."""

    name: bytes  #: in `.refused`; "voice.toml" may lie where it was
    why: str  #: sentence and hint
    time: int  #: nanoseconds since 1970: when the reason was written


class RefusedFiles:
    """Of one folder. May be asked from several threads."""

    def __init__(self, place: InboxFolder) -> None:
        self.place = place
        self._lock = threading.Lock()
        self._files: dict[bytes, Refused] = {}  #: oldest first
        self._count = 0
        self._listed: tuple[int, int] | None = None  #: inode and time of `.refused` when it was listed
        self._last_names: set[bytes] | None = None  #: names at the last `gone`

    def files(self) -> list[Refused]:
        """Oldest first, `MOST` at most: the newest. Lists the folder again only when it changed."""
        with self._lock:
            self._refresh()
            return list(self._files.values())

    def count(self) -> int:
        """How many there are in all, as of the last listing."""
        return self._count

    def has(self, name: bytes) -> bool:
        """Whether a file of that name is refused, as of the last listing."""
        return name in self._files

    def gone(self) -> list[bytes]:
        """Names of files that lay there when this was last asked, and do not now."""
        now = {file.name for file in self.files()}
        before, self._last_names = self._last_names or set(), now
        # of more than MOST the oldest drop out of the list without having gone
        return [] if self._count > len(now) else sorted(before - now)

    def _refresh(self) -> None:
        try:
            with self.place.at(REFUSED) as folder:
                facts = os.fstat(folder)
                stamp = (facts.st_ino, facts.st_mtime_ns)
                if stamp == self._listed:
                    return
                found = _reasons(folder)
                self._count = len(found)
                kept = sorted(found, key=lambda pair: pair[1])[-MOST:]
                self._files = {name: self._read(folder, name, when) for name, when in kept}
                # what happens within the same tick of the file system's clock leaves the time as it is
                self._listed = stamp if time.time() - facts.st_mtime_ns / 1e9 > _BLUR else None
        except OSError:  # there is none, or it cannot be read, which whoever refuses complains of
            self._files, self._count, self._listed = {}, 0, None

    def _read(self, folder: int, name: bytes, when: int) -> Refused:
        known = self._files.get(name)
        if known is not None and known.time == when:
            return known
        lines: list[str] = []
        with contextlib.suppress(OSError), open_in(folder, name + WHY) as file:
            lines = file.read(_LONGEST).decode("utf-8", errors="replace").splitlines()[1:]
        return Refused(name, " ".join(filter(None, map(str.strip, lines))), when)


def _reasons(folder: int) -> list[tuple[bytes, int]]:
    """(name, time of its reason) of each refused file."""
    found = []
    with os.scandir(folder) as listed:
        for entry in listed:
            reason = os.fsencode(entry.name)
            name = reason.removesuffix(WHY)
            if name == reason or not (name == VOICE_TOML or exists_in(folder, name)):
                continue
            with contextlib.suppress(OSError):
                if entry.is_file(follow_symlinks=False):
                    found.append((name, entry.stat(follow_symlinks=False).st_mtime_ns))
    return found
