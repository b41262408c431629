"""How the files of a base, of a recogniser or of what takes music out get here: counted, copied, and with room for
them."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from daemon.machine.disk_space import DiskSpace
from daemon.worker.job import Channel
from engines.base import WeightsFile
from engines.download import download, part_of
from engines.errors import DiskFull, WeightsMissing
from engines.files import TEMPORARY, disk_full_is_a_sentence, make_folder, opened_whole, sync_folder
from engines.weights import PART
from proto import worker_pb2 as wire

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


def brought(
    plan: wire.FetchPlan, channel: Channel, published: Callable[[], Sequence[WeightsFile]], given: Sequence[Path]
) -> str:
    """Make a model that lies in a folder of its own whole: `published` over the network, or the files of a folder that
    were `given`. It comes to lie where it is looked for when all of it is here: until then its files are in a folder
    beside, where a fetch that broke off goes on. Returns how it came, a clause. Raises WeightsMissing, EngineError and
    DiskFull; what came stays."""
    final = Path(plan.folder)
    aside = final.parent.parent / (plan.engine + PART)
    began = time.monotonic()
    if final.is_dir() and any(final.iterdir()):
        raise WeightsMissing(f"{final} is in the way: it holds no whole model.", "Move it away, then fetch again.")
    with disk_full_is_a_sentence(f"the folder of {plan.engine}"):
        make_folder(aside)
    for leftover in aside.glob(f"{TEMPORARY}*"):
        leftover.unlink()
    size = _take(given, aside, channel) if plan.source else _fetch(published(), plan.mirror, aside, channel)
    with disk_full_is_a_sentence(f"the folder of {plan.engine}"):
        make_folder(final.parent)
    aside.replace(final)
    sync_folder(final.parent)
    return f"taken from {plan.source}" if plan.source else f"{size / 1e9:.1f} GB after {time.monotonic() - began:.0f} s"


def _fetch(files: Sequence[WeightsFile], mirror: str, aside: Path, channel: Channel) -> int:
    progress = Progress(channel, sum(file.size for file in files))
    here = [path for file in files for path in (aside / file.name, part_of(file, aside)) if path.is_file()]
    room(aside, progress.total - sum(path.stat().st_size for path in here))
    for file in files:
        channel.check()
        url = f"{mirror.rstrip('/')}/{file.name}" if mirror else file.url
        part = part_of(file, aside)
        progress.here = progress.done + (part.stat().st_size if part.is_file() else 0)
        channel.log("info", f"{file.name} ({file.size:,} bytes) comes from {url}.")
        download(file, url, aside, progress.at)
        progress.done += file.size
    return progress.total


def _take(files: Sequence[Path], aside: Path, channel: Channel) -> int:
    shutil.rmtree(aside)  # of another source
    aside.mkdir()
    progress = Progress(channel, sum(file.stat().st_size for file in files))
    room(aside, progress.total)
    for file in files:
        copy(file, aside / file.name, progress)
    return progress.total
