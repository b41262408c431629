"""Taking a snapshot of a home, be mynad at work or not.

What waits in the inbox is copied first: what is taken from there meanwhile has its row in the database, which is copied
next, and is copied with the recordings. A row never names a file that is not complete, and nearly all files are written
once and stay; so what is copied after the database has all that the database names, unless a person purged or renamed
something in between. That is looked for at the end, in the list itself, and then the database is copied again, and what
is new. Files that are younger than the database and that it does not name are left to the next snapshot. Trainings
remove checkpoints all the time: `pins`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from daemon.database.store import HEAD
from daemon.errors import BadRequest, DatabaseDamaged, NotNow
from daemon.upkeep import contents, pins, reading, rows
from daemon.upkeep.contents import Seen, Wanted
from daemon.upkeep.depot import Depot, Short
from daemon.upkeep.digests import Digests
from daemon.upkeep.known import Known
from daemon.upkeep.manifest import File, Manifest
from daemon.upkeep.quiet import Pace, Rate
from daemon.upkeep.values import Finding, Kind, Phase, Progress, Sort, Taken, Tell, nobody
from engines.errors import DiskFull
from engines.files import disk_full_is_a_sentence

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
#: Tries to get a database and the files it names that are of one moment. A person who purges and renames in each of
#: them has to stop first.
MOST = 8
#: Tries to read a file that is being written.
TRIES = 3
#: Below these nothing goes away but what a person purged or renamed.
STAYS = ("recordings/", "clips/", "voices/", "samples/")
#: What is only ever added to: as much of it as there was is a file of its own right.
GROWS = (".jsonl",)
EVENTS = "events.out."


def take(
    home: Path,
    depot: Depot,
    wanted: Wanted,
    *,
    myna: str = "",
    settle: float = 2.0,
    rate: Rate = 0.0,
    tell: Tell = nobody,
) -> tuple[Taken, list[Finding]]:
    """Take a snapshot. Returns what was taken, and what of it the home had lost or damaged before. `rate`: bytes a
    second that are read, at most; 0: as they come. Raises MynaError: then every earlier snapshot is as it was."""
    check_apart(home, depot.path)
    with disk_full_is_a_sentence("the backup"):
        return _Backup(home, depot, wanted, settle, Pace(rate), tell).take(myna)


def check_apart(home: Path, place: Path) -> None:
    """Raises BadRequest for a backup in its home, or a home in its backup."""
    try:
        one, other = home.resolve(), place.resolve()
    except (OSError, RuntimeError):  # links that lead in a circle
        raise BadRequest(f"{place} leads nowhere.", "Name a folder.") from None
    if one == other or one in other.parents or other in one.parents:
        raise BadRequest(f"{place} lies in the home {home}, or the home in it.", "Name a folder on another disk.")


class _Backup:
    """One of them, on its way."""

    def __init__(self, home: Path, depot: Depot, wanted: Wanted, settle: float, pace: Pace, tell: Tell) -> None:
        self.home, self.depot, self.wanted, self.settle = home, depot, wanted, settle
        self.pace, self.tell = pace, tell
        self.digests = Digests(home)
        self.have: dict[str, tuple[Seen, File]] = {}  #: what this backup has copied already
        self.findings: dict[str, Finding] = {}  #: by path
        self.listed: dict[str, str] = {}  #: SHA-256 of versions' files as they were written, by path
        self.gone = False  #: something that rows may name went away while it was to be copied
        self.done = self.total = 0

    def take(self, myna: str) -> tuple[Taken, list[Finding]]:
        early = {
            file.path: file
            for file in self.files([*contents.waiting(self.home, self.settle), *contents.walked(self.home, "imports")])
        }
        lacking: list[Finding] | None = None
        steps: dict[int, int] = {}
        for left in reversed(range(MOST)):
            before, moment, self.gone = lacking, time.time_ns(), False
            database, copied = self.database()
            try:
                with reading.reading(copied) as session:
                    known = Known.of(session)
                self.listed = dict(self.of_versions(known))
                still = {run for run, step in known.live.items() if steps.get(run) == step or left < 2}
                steps = known.live
                with pins.held(self.home, known, still) as held:
                    late = {file.path: file for file in self.files(self.after(known, moment), held)}
            except pins.Moved:
                continue
            finally:
                copied.unlink(missing_ok=True)
            files = {path: file for path, file in early.items() if self.stands(path)} | late
            lacking = list(rows.lacking(known, {path: file.size for path, file in files.items()}))
            lacking += [one for path, one in self.unread(files).items() if path not in {each.path for each in lacking}]
            if not self.gone and (not lacking or lacking == before):  # the same twice: that is how the home is
                return self.end(known, database, files, myna, lacking)
        raise NotNow("The home changes faster than it can be copied.", "Try again when less is renamed or purged.")

    def stands(self, path: str) -> bool:
        """Whether what waited is still where it was, or was taken: its voice may have got another name meanwhile, and
        what lies in that one's folder was looked at again."""
        return (self.home / path).parent.is_dir()

    def of_versions(self, known: Known) -> Iterator[tuple[str, str]]:
        """Files of versions with the hashes that the list in each folder has. A list that is lost or damaged says
        nothing: `myna check` tells of it."""
        for version in known.versions:
            if not version.purged and version.voice not in known.moving:
                with suppress(OSError, ValueError):
                    for name, sha256 in (rows.sums_of(self.home, version) or {}).items():
                        yield f"{version.path}/{name}", sha256

    def unread(self, files: Mapping[str, File]) -> dict[str, Finding]:
        """Files of versions that are listed there and not in the snapshot, by path."""
        lost = (path for path in self.listed if path not in files and path not in self.findings)
        return {path: Finding(Kind.MISSING, Sort.VERSION, path, _version(path)) for path in lost}

    def database(self) -> tuple[File, Path]:
        """The database as it is now: (as a file of the backup, a copy to ask)."""
        self.tell(Progress(Phase.DATABASE, 0, 0))
        copied, path = self.depot.aside(), self.home / reading.NAME
        try:
            reading.check_schema(path)
            reading.copy(path, copied)
            if found := reading.damage(copied, deep=False):
                hint = f"Nothing was backed up, and earlier snapshots are as they were. ({found[0]})"
                raise DatabaseDamaged(f"The database {path} is damaged.", hint)
            told = copied.stat()
            with copied.open("rb") as source:
                sha256 = self.depot.put(source, told.st_size, lambda size: None)
        except BaseException:
            copied.unlink(missing_ok=True)
            raise
        return File(reading.NAME, told.st_size, sha256, 0o644, told.st_mtime_ns), copied

    def after(self, known: Known, moment: int) -> list[Seen]:
        """What is to be copied after the database, but for the files of live runs."""
        live = tuple(f"runs/{run}/" for run in known.live)
        kept = (seen for seen in contents.kept(self.home, self.wanted) if not seen.path.startswith(live or ("\0",)))
        files = [seen for seen in kept if not rows.younger(self.home, known, seen, moment)]
        # the inbox once more: what was refused meanwhile has another place there; what came is nobody's yet
        return [*files, *contents.waiting(self.home, self.settle)]

    def files(self, seen: Iterable[Seen], held: dict[str, tuple[Seen, int]] | None = None) -> Iterable[File]:
        """Have all of these in the depot. What goes away meanwhile is left out."""
        every = [*((one, descriptor) for one, descriptor in (held or {}).values()), *((one, -1) for one in seen)]
        self.total = self.done + sum(one.size for one, _ in every)
        for one, descriptor in every:
            before = self.done
            file = self.known(one) or self.read(one, descriptor)
            self.done = before + one.size
            self.tell(Progress(Phase.COPYING, self.done, self.total))
            if file is not None:
                self.have[one.path] = (one, file)
                yield file

    def known(self, seen: Seen) -> File | None:
        """The file, if the depot has it and nobody wrote to it since its hash was taken."""
        if seen.path in self.have and self.have[seen.path][0] == seen:
            return self.have[seen.path][1]
        sha256 = self.digests.of(seen) or rows.named_hash(seen.path)
        if not sha256 or not self.depot.has(sha256, seen.size):
            return None
        if self.digests.of(seen):
            self.digests.put(seen, sha256)
        return _file(seen, sha256)

    def read(self, seen: Seen, held: int) -> File | None:
        """Copy a file into the depot. One that is written to meanwhile is tried again, and left to the next snapshot
        when that goes on; what only grows is taken as long as it was."""
        for _ in range(TRIES):
            try:
                descriptor = os.dup(held) if held >= 0 else os.open(self.home / seen.path, _READ)
                with os.fdopen(descriptor, "rb") as source:
                    source.seek(0)
                    told = Seen.of(seen.path, os.fstat(descriptor))
                    sha256 = self.depot.put(source, told.size, self.was_read)
                    after = os.fstat(descriptor)
                    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            except (FileNotFoundError, Short):
                if held < 0 and not os.path.lexists(self.home / seen.path):
                    self.gone = self.gone or seen.path.startswith(STAYS)
                    return None
                continue
            except DiskFull:
                raise
            except OSError:
                self.found(Kind.UNREADABLE, seen.path)
                return None
            if told.same(after) or seen.path.endswith(GROWS) or f"/{EVENTS}" in seen.path:
                return self.checked(told, sha256)
        return None

    def checked(self, seen: Seen, sha256: str) -> File:
        """The file that was read, as it should be. Of one that is damaged the depot may have what it was."""
        should = rows.named_hash(seen.path) or self.listed.get(seen.path) or self.digests.written(seen)
        if not should or should == sha256:
            self.digests.put(seen, sha256)
            return _file(seen, sha256)
        self.digests.doubt(seen, should)
        self.found(Kind.CONTENT, seen.path)
        return _file(seen, should if self.depot.has(should, seen.size) else sha256)

    def found(self, kind: Kind, path: str) -> None:
        self.findings[path] = Finding(kind, rows.sort_of(path), path)
        self.tell(self.findings[path])

    def was_read(self, size: int) -> None:
        self.done += size
        self.pace.read(size)
        self.tell(Progress(Phase.COPYING, self.done, self.total))

    def end(
        self, known: Known, database: File, files: dict[str, File], myna: str, lacking: list[Finding]
    ) -> tuple[Taken, list[Finding]]:
        """Write the list: from here on there is a snapshot."""
        left = [name for name in ("bases", "exports", "secrets") if not getattr(self.wanted, name)]
        snapshot = Manifest(
            id=self.depot.new_id(), home=known.home, schema=HEAD, myna=myna, database=database,
            files=tuple(files[path] for path in sorted(files)), folders=tuple(contents.inbox_folders(self.home)),
            left=tuple(left), bases=known.bases(),
        )  # fmt: skip
        self.depot.add(snapshot)
        self.digests.save(whole=True)
        odd = [Finding(Kind.ODD, Sort.OTHER, path) for path in contents.odd(self.home, self.wanted)]
        lacking = [one for one in lacking if one.path not in self.findings]  # told of when they were read
        for one in (*lacking, *odd):
            self.tell(one)
        taken = replace(
            summary(snapshot), new=self.depot.new, strange=tuple(contents.strange(self.home)),
            keys=() if self.wanted.secrets else tuple(contents.secrets(self.home)),
            bare=tuple(contents.bare(self.home)),
            same_disk=self.home.stat().st_dev == self.depot.path.stat().st_dev,
        )  # fmt: skip
        return taken, [*self.findings.values(), *lacking, *odd]


def summary(snapshot: Manifest) -> Taken:
    """As lists show it."""
    return Taken(snapshot.id, snapshot.home, snapshot.schema, len(snapshot.files) + 1, snapshot.size)


def _version(path: str) -> str:
    """For people, whose file it is: "anna@7"."""
    return "@".join(path.split("/")[1:3])


def _file(seen: Seen, sha256: str) -> File:
    return File(seen.path, seen.size, sha256, seen.mode, seen.mtime, seen.inode)
