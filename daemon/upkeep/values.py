"""What upkeep finds and does, as values. Words for them: `words`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What is wrong."""

    DATABASE = "database"  #: SQLite finds a damaged page or index
    REFERENCE = "reference"  #: a row names a row that is not there
    MISSING = "missing"  #: a row names a file that is not there
    SIZE = "size"  #: a file is longer or shorter than it was written
    CONTENT = "content"  #: a file holds something else than was written
    UNREADABLE = "unreadable"  #: the disk does not give a file's bytes
    ORPHAN = "orphan"  #: a file that no row names
    ADOPTABLE = "adoptable"  #: the same, and `myna adopt` knows what it is
    OBJECT = "object"  #: a file of a backup is damaged or gone
    SNAPSHOT = "snapshot"  #: a snapshot's list of files cannot be read
    ODD = "odd"  #: neither file nor folder, or a link: not in a backup


class Sort(StrEnum):
    """Which of Myna's files."""

    DATABASE = "database"
    RECORDING = "recording"
    CLIP = "clip"
    VERSION = "version"
    CHECKPOINT = "checkpoint"
    RUN = "run"
    SAMPLE = "sample"
    FEATURES = "features"
    PACKAGE = "package"  #: one that was sent and waits for its job
    BACKUP = "backup"
    OTHER = "other"


class Mend(StrEnum):
    """What can be done about it, by `myna check --repair` unless it says otherwise."""

    NOTHING = "nothing"
    LOST = "lost"  #: moved to lost/
    DROP = "drop"  #: deleted: it is made again when it is needed
    FROM_BACKUP = "from-backup"  #: taken from a backup that has the file as it was written
    ADOPT = "adopt"  #: by `myna adopt`
    AGAIN = "again"  #: out of the way: the next work that needs it makes it again


class Phase(StrEnum):
    """What is being done."""

    DATABASE = "database"
    COPYING = "copying"
    SWEEPING = "sweeping"
    RESTORING = "restoring"
    LOOKING = "looking"
    READING = "reading"


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be."""

    kind: Kind
    sort: Sort
    path: str  #: relative to the home, or to the backup; empty: of no file
    row: str = ""  #: whose file it is: "anna@3", "recording 12 of anna"; or what SQLite says
    mend: Mend = Mend.NOTHING
    mended: bool = False
    sha256: str = ""  #: of the file as it was written; empty: not known
    recording: int = 0  #: row of the recording that a clip can be cut from again; 0: none


@dataclass(frozen=True)
class Progress:
    """How far it is, in bytes. `total` may grow."""

    phase: Phase
    done: int
    total: int


@dataclass(frozen=True)
class Taken:
    """A snapshot, as lists show it."""

    id: str
    home: str  #: UUID of the home it is of
    schema: str  #: of its database
    files: int
    size: int  #: bytes of all its files, the database among them
    new: int = 0  #: bytes that were not in the backup before; known only when it is taken
    damaged: bool = False  #: its list cannot be read
    strange: tuple[str, ...] = ()  #: things at the top of the home that are not Myna's and not in it; known only then
    keys: tuple[str, ...] = ()  #: files of the home with keys and tokens that are not in it; known only then
    bare: tuple[str, ...] = ()  #: notifiers whose URL is in it, as myna.toml has it; known only then
    same_disk: bool = False  #: it lies on the disk that the home is on


@dataclass
class Checked:
    """What a check looked at."""

    files: int = 0
    size: int = 0  #: bytes that were read
    unknown: int = 0  #: files of versions that nothing tells the hash of
    findings: list[Finding] = field(default_factory=list)


#: What is told on the way.
Tell = Callable[[Progress | Finding], None]


def nobody(_: Progress | Finding) -> None:
    """Tells nobody."""
