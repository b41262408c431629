"""What is known of one voice's folder in the inbox: its files, the jobs that take them, and what is held back until
when."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field

from daemon import names
from daemon.inbox.arrivals import Arrivals, Entry
from daemon.inbox.complaints import Complaints
from daemon.inbox.orphan_transcripts import OrphanTranscripts
from daemon.inbox.refused_files import RefusedFiles
from daemon.state.status import State
from proto import myna_pb2 as pb

#: Seconds that files wait for another try after a job that failed for want of disk (twice as long each time, up to the
#: second), and after any other failure.
AFTER_FULL, AFTER_FULL_AT_MOST, AFTER_FAILURE = 5.0, 300.0, 600.0

Identity = tuple[int, int, int]


@dataclass
class Folder:
    """What is known of one voice's folder."""

    voice: str
    complaints: Complaints
    arrivals: Arrivals
    entries: list[Entry] = field(default_factory=list)
    flying: dict[int, dict[bytes, Identity]] = field(default_factory=dict)  #: files of live ingest jobs, by job
    held: dict[bytes, tuple[Identity, float]] = field(
        default_factory=dict
    )  #: files left alone as they are until then (monotonic)
    left: dict[bytes, tuple[Identity, int]] = field(
        default_factory=dict
    )  #: files that jobs left as they are, and how often in a row
    texts: OrphanTranscripts = field(default_factory=OrphanTranscripts)
    toml: Identity | None = None  #: of the voice.toml that was read last
    busy: float = -math.inf  #: when something last moved here, monotonic
    due: bool = True  #: look what is next for the voice once it is quiet
    forced: bool = False  #: a person changed a clip, or a text came late: make a dataset though nothing was taken
    full: int = 0  #: ingest jobs in a row that failed for want of disk
    known: bool = False  #: the voice has its row
    deleted: bool = False  #: the voice was: nothing is taken
    refused: RefusedFiles = field(init=False)

    def __post_init__(self) -> None:
        self.refused = RefusedFiles(self.complaints.place)

    def flies(self, path: bytes) -> bool:
        return any(path in files for files in self.flying.values())

    @property
    def is_taking(self) -> bool:
        """Whether an ingest job is alive. One for packages delays no recording."""
        return any(not files or not all(map(names.is_package, files)) for files in self.flying.values())

    def state(self, entry: Entry, now: float) -> tuple[str, str]:
        """What becomes of a file, for people: ("arriving" or "settling", why); empty for what is of no interest."""
        if (complaint := self.complaints.standing.get(entry.path)) is not None:
            return "settling", f"{complaint.sentence} {complaint.hint}"
        if os.path.basename(entry.path) == names.VOICE_TOML:
            return "", ""
        if self.flies(entry.path):
            return "settling", "is being taken"
        left = self.arrivals.left(entry, now)
        if entry.partial:
            hidden = os.path.basename(entry.path).startswith(b".")  # of no interest, unless it grows right now
            return ("", "") if hidden and not left else ("arriving", "is named as unfinished")
        if entry.path in self.texts.waiting:
            return "arriving", self.texts.waiting[entry.path]
        if left > 0:
            return "settling", f"unchanged for {self.arrivals.settle:g} s in {left:.0f} s"
        if entry.path in self.held:
            return "settling", "could not be taken; tried again later"
        return "settling", "waits to be taken"

    def land(self, job: pb.Job, now: float, rescan: float) -> None:
        """An ingest job ended. What it left in the inbox is held back for a while, so that nothing is tried in
        circles."""
        files = self.flying.pop(job.id, {})
        recorded = {
            path: identity
            for path, identity in files.items()
            if not names.is_text(path) and not names.is_metadata(path)
        }
        self.texts.forget()
        wait = AFTER_FAILURE
        is_full = job.status.failed.error.kind == pb.DISK_FULL
        self.full = self.full + 1 if is_full else 0
        match job.status.WhichOneof("status"):
            case State.SUCCEEDED:
                self._left(recorded, now, rescan)
                return
            case State.CANCELLED:
                wait = math.inf  # a person does not want them taken; until they change
            case State.FAILED if is_full:
                wait = min(AFTER_FULL * 2 ** (self.full - 1), AFTER_FULL_AT_MOST)
        for path, identity in recorded.items():
            self.held[path] = (identity, now + wait)

    def _left(self, recorded: dict[bytes, Identity], now: float, rescan: float) -> None:
        """A job did what it could: what is still there is tried again, ever more rarely."""
        for path, identity in recorded.items():
            before, times = self.left.get(path, (identity, 0))
            times = times + 1 if before == identity else 1
            self.left[path] = (identity, times)
            self.held[path] = (identity, now + min(rescan * 2 ** min(times - 1, 10), max(rescan, AFTER_FAILURE)))

    def forget(self) -> None:
        """What was known of files that are not there any more."""
        lives = {entry.path: entry.identity for entry in self.entries}
        self.held = {path: hold for path, hold in self.held.items() if lives.get(path) == hold[0]}
        self.left = {path: left for path, left in self.left.items() if lives.get(path) == left[0]}
        self.complaints.forget(lives)
