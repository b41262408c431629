"""What can go, and why, as values; in words for people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from daemon.machine.disk_space import folder_size


class What(StrEnum):
    """A kind of thing that cleaning takes away."""

    TEXTS = "texts"
    LOG = "log"
    PACKAGE = "package"
    FEATURES = "features"
    CHECKPOINTS = "checkpoints"
    REJECTED = "rejected"


#: What goes when the disk is short, least useful first. Logs and texts free nothing worth it.
WHEN_SHORT = (What.PACKAGE, What.FEATURES, What.CHECKPOINTS, What.REJECTED)


class Why(StrEnum):
    """Why something goes."""

    AGE = "age"  #: it is older than `[keep]` says
    DISK = "disk"  #: the disk is short


@dataclass(frozen=True)
class Removal:
    """One thing that goes."""

    what: What
    why: Why
    name: str  #: as people know it: "anna@3", "run 12", the name of a file
    path: Path  #: a file or folder
    number: int = 0  #: of the run, the job or the version
    voice: str = ""  #: of a version

    def size(self) -> int:
        """Bytes that this frees. Walks the disk: not for a transaction."""
        try:
            return folder_size(self.path) if self.path.is_dir() else self.path.stat().st_size
        except OSError:
            return 0


def sentence(what: What, why: Why, days: int) -> str:
    """Why it goes, for people. `days`: what `[keep]` says."""
    if why is Why.DISK:
        return {
            What.PACKAGE: "the disk is short; `myna export` makes it again",
            What.FEATURES: "the disk is short; a training makes them again",
            What.CHECKPOINTS: "the disk is short, and its training failed or was cancelled",
            What.REJECTED: "the disk is short, and the version was rejected; scores and report stay",
        }.get(what, "the disk is short")
    age = f"older than {days} day{'' if days == 1 else 's'}"
    return {
        What.CHECKPOINTS: f"its training failed or was cancelled, and that is {age}",
        What.REJECTED: f"rejected, and {age}; scores and report stay",
        What.TEXTS: f"spoken, and {age}",
    }.get(what, age)
