"""What both sides of `gpu_xtts.py` share: what is asked, the base, the clips, what the card does meanwhile."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch

from benchmarks.made import xtts as made
from daemon.machine.gpu import Gpus
from engines.base import Clip
from engines.xtts import tiny_base

#: Clips that are trained on, and seconds between two looks at the card.
CLIPS, EVERY = 24, 0.1


@dataclass(frozen=True)
class Asked:
    """Where, how large, how long."""

    device: str
    size: str
    steps: int
    codes: int

    def arguments(self) -> list[str]:
        return [f"--{name}={value}" for name, value in vars(self).items()]

    def base(self) -> Path:
        """Folder of the base, which the engine finds from then on; made on first use."""
        if self.size == "full":
            return made.base()
        folder = Path(tempfile.gettempdir()) / f"myna-xtts-tiny-{os.getuid()}"
        if not (folder / "speakers_xtts.pth").is_file():  # the file that is written last
            tiny_base.write(folder)
        os.environ["MYNA_XTTS_BASE"] = str(folder)
        return folder

    def clips(self) -> list[Clip]:
        return made.mixed_clips(CLIPS) if self.size == "full" else made.clips()[:CLIPS]


@dataclass
class Card:
    """What is seen of the card while something runs."""

    busy: list[float] = field(default_factory=list)  #: shares of the time, a look each

    @property
    def busy_share(self) -> float:
        """Mean; 0 without a card."""
        return sum(self.busy) / len(self.busy) if self.busy else 0.0


@contextmanager
def watched() -> Iterator[Card]:
    """Looks at the card from a thread for as long as the block lasts."""
    card, over, gpus = Card(), threading.Event(), Gpus()

    def look() -> None:
        while not over.wait(EVERY):
            card.busy += [gpu.utilisation for gpu in gpus.sample() if gpu.owned]

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield card
    finally:
        over.set()
        thread.join()
        gpus.close()


def finish(device: str) -> None:
    """Wait for all that was asked of the card."""
    if device == "cuda":
        torch.cuda.synchronize()


def memory_bytes(device: str) -> float:
    """The most that this process took of the card; of a CPU nothing is told."""
    return float(torch.cuda.max_memory_reserved()) if device == "cuda" else 0.0
