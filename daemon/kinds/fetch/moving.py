"""How the files of a base or a recogniser get here: counted, copied, and with room for them."""

from __future__ import annotations

import math
import time
from pathlib import Path

from daemon.machine.disk_space import DiskSpace
from daemon.worker.job import Channel
from engines.errors import DiskFull
from engines.files import opened_whole

#: Bytes copied at once.
BLOCK = 8 << 20


class Progress:
    """Progress over all files."""

    def __init__(self, channel: Channel, total: int) -> None:
        self._channel = channel
        self.total = total  #: bytes
        self.done = 0  #: bytes of the files before
        self.here = math.inf  #: bytes that attempts before left; what comes beyond them stays for the next one
        self._began: tuple[float, int] | None = None

    def at(self, have: int, sentence: str) -> None:
        """So many bytes of the present file are here. Raises what the daemon ordered."""
        self._channel.check()
        now, at = time.monotonic(), self.done + have
        if at > self.here:
            self._channel.lasting()
        if self._began is None or at < self._began[1]:
            self._began = (now, at)
        since, came = now - self._began[0], at - self._began[1]
        self._channel.progress(at, self.total, "bytes", sentence, (self.total - at) * since / came if came else 0.0)


def copy(source: Path, target: Path, progress: Progress) -> None:
    """One file, whole or not at all."""
    have = 0
    with opened_whole(target, target.name) as there, source.open("rb") as here:
        while block := here.read(BLOCK):
            there.write(block)
            have += len(block)
            progress.at(have, f"copying {target.name}")
    progress.done += have


def room(folder: Path, need: int) -> None:
    """Raises DiskFull if there is not so much. The daemon waits for room before it starts this; in between somebody
    else may have taken it."""
    if short := DiskSpace(folder, 0).missing(need):
        raise DiskFull(
            f"The disk that holds {folder} is {short / 1e9:.1f} GB short.",
            "Free some space, then fetch again: nothing is lost.",
        )
