"""Is a home whole? Every row has its file, as it was written, and every file its row.

Looked at is the database as it is at one moment, beside a mynad that works: so what jobs at work have not told yet is
not missed, and what came after that moment is not asked about. Nothing is changed here; `mending` does that.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zlib
from contextlib import suppress
from pathlib import Path

from daemon.errors import DatabaseDamaged, MynaError, StoreTrouble
from daemon.home import sums, survey
from daemon.upkeep import cached, checkpoints, contents, reading, rows
from daemon.upkeep.contents import Seen, Wanted
from daemon.upkeep.depot import BLOCK
from daemon.upkeep.digests import Digests
from daemon.upkeep.known import Known
from daemon.upkeep.quiet import Pace, Rate
from daemon.upkeep.values import Checked, Finding, Kind, Mend, Phase, Progress, Sort, Tell, nobody

#: States of what lies here without a row and that a person wanted so.
_AS_WANTED = frozenset((survey.State.REMOVED, survey.State.PURGED))
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
#: Times that the database is asked anew when files went away meanwhile.
TRIES = 3


def check(home: Path, *, deep: bool = False, rate: Rate = 0.0, tell: Tell = nobody) -> Checked:
    """Look at a home; `deep`: read every file, too. Raises MynaError for a home that cannot be looked at at all."""
    return _Check(home, deep, Pace(rate), tell).all()


class _Check:
    """One of them, on its way."""

    def __init__(self, home: Path, deep: bool, pace: Pace, tell: Tell) -> None:
        self.home, self.deep, self.pace, self.tell = home, deep, pace, tell
        self.digests = Digests(home)
        self.found = Checked()
        self.total = 0
        self.recordings: dict[str, int] = {}  #: rows that clips can be cut from again, by the clips' paths

    def all(self) -> Checked:
        self.tell(Progress(Phase.DATABASE, 0, 0))
        if not self.database():
            return self.found
        self.tell(Progress(Phase.LOOKING, 0, 0))
        for left in reversed(range(TRIES)):
            moment = time.time_ns()
            with reading.reading(self.home / reading.NAME) as session:
                known = Known.of(session)
                surveyed = {one.path: one.state for one in survey.scan(session, self.home)}
            seen = {one.path: one for one in contents.kept(self.home, Wanted(exports=True))}
            lacking = list(rows.lacking(known, {path: one.size for path, one in seen.items()}))
            if not lacking or not left or not self.moved(lacking):
                break
        for one in lacking:
            if f"{one.path}/{sums.NAME}" not in seen:  # else it is told of file by file
                self.tell_of(one)
        self.unnamed(known, seen, surveyed, moment)
        self.read(known, seen)
        return self.found

    def tell_of(self, one: Finding) -> None:
        self.found.findings.append(one)
        self.tell(one)

    def database(self) -> bool:
        """Look at the database; False: nothing can be asked of it."""
        path = self.home / reading.NAME
        try:
            reading.check_schema(path)
        except StoreTrouble as error:
            if not isinstance(error, DatabaseDamaged):
                raise
            damage = [error.sentence]
        except Exception as error:
            if isinstance(error, MynaError) or not reading.is_sqlite(error):
                raise
            damage = [str(error)]
        else:
            damage = reading.damage(path, deep=self.deep)
            if not damage:
                for table, row, other in reading.broken_references(path):
                    what = f"row {row} of {table} names one of {other}"
                    self.tell_of(Finding(Kind.REFERENCE, Sort.DATABASE, "", what))
                return True
        for one in damage:
            self.tell_of(Finding(Kind.DATABASE, Sort.DATABASE, reading.NAME, one))
        return False

    def moved(self, lacking: list[Finding]) -> bool:
        """Whether the rows say otherwise by now: somebody purged or renamed meanwhile."""
        with reading.reading(self.home / reading.NAME) as session:
            known = Known.of(session)
        named = known.paths | {one.path for one in known.versions if not one.purged}
        return any(not any(one.path == path or one.path.startswith(f"{path}/") for path in named) for one in lacking)

    # ----------------------------------------------------------------------------------------------- files without rows

    def unnamed(self, known: Known, seen: dict[str, Seen], surveyed: dict[str, survey.State], moment: int) -> None:
        """Files that no row names. Those that are younger than the oldest job at work may be about to be told of."""
        told: set[str] = set()
        since = min(moment, known.since or moment)
        for one in seen.values():
            place = rows.unnamed(known, one.path)
            if not place or place in told:
                continue
            told.add(place)
            if surveyed.get(place) in _AS_WANTED or rows.younger(self.home, known, one, since):
                continue
            sort, state = rows.sort_of(place), surveyed.get(place)
            if state is survey.State.TAKEN:
                self.tell_of(Finding(Kind.ADOPTABLE, sort, place, "", Mend.ADOPT))
            elif state is not None:
                self.tell_of(Finding(Kind.ORPHAN, sort, place, survey.SENTENCES[state]))
            elif sort not in (Sort.RECORDING, Sort.VERSION):  # of those the survey knows more
                self.tell_of(Finding(Kind.ORPHAN, sort, place, "", Mend.LOST))

    # ------------------------------------------------------------------------------------------------- what is in files

    def read(self, known: Known, seen: dict[str, Seen]) -> None:
        """Hold contents against what was written. Not deep, only what tells of others is read."""
        row_of = {named.path: named.row for named in known.named}
        self.recordings = {named.path: named.recording for named in known.named}
        should: dict[str, str] = {path: digest for path in seen if (digest := rows.named_hash(path))}
        for version in known.versions:
            if not version.purged and version.voice not in known.moving:
                row = f"{version.voice}@{version.number}"
                row_of |= dict.fromkeys((path for path in seen if path.startswith(f"{version.path}/")), row)
                should |= self.of_version(version.path, row, seen)
        should |= self.of_samples(seen)
        checksums = self.of_checkpoints(known, seen)
        if not self.deep:
            self.found.files = len(seen)
            return
        bad = {one.path for one in self.found.findings}
        features = list(contents.walked(self.home, "features"))
        self.total = sum(one.size for one in (*seen.values(), *features))
        for one in seen.values():
            if one.path not in bad:
                self.content(one, should.get(one.path, ""), row_of.get(one.path, ""), checksums.get(one.path))
        for one in features:
            self.features(one)
        self.digests.save(whole=False)

    def of_version(self, folder: str, row: str, seen: dict[str, Seen]) -> dict[str, str]:
        """Hashes that its files should have, by path. Files that are listed and not there are told of."""
        place = f"{folder}/{sums.NAME}"
        try:
            listed = sums.parse((self.home / place).read_text(encoding="utf-8"))
        except FileNotFoundError:
            self.found.unknown += 1
            return {}
        except (OSError, ValueError):
            self.tell_of(Finding(Kind.CONTENT, Sort.VERSION, place, row))
            return {}
        known = {one.path for one in self.found.findings}
        for name, sha256 in listed.items():
            if f"{folder}/{name}" not in seen and f"{folder}/{name}" not in known:
                self.tell_of(Finding(Kind.MISSING, Sort.VERSION, f"{folder}/{name}", row, sha256=sha256))
        about = self.home / folder / rows.ABOUT
        with suppress(OSError):
            try:
                good = isinstance(json.loads(about.read_text(encoding="utf-8")), dict)
            except ValueError:
                good = False
            if not good:
                self.tell_of(Finding(Kind.CONTENT, Sort.VERSION, f"{folder}/{rows.ABOUT}", row))
        return {f"{folder}/{name}": sha256 for name, sha256 in listed.items()}

    def of_samples(self, seen: dict[str, Seen]) -> dict[str, str]:
        """Of spoken lines: the note beside each says what it was. Read only when all is."""
        found: dict[str, str] = {}
        for path in seen if self.deep else ():
            if path.startswith("samples/") and path.endswith(".wav") and f"{path[:-4]}.json" in seen:
                with suppress(OSError, ValueError, AttributeError):
                    note = json.loads((self.home / f"{path[:-4]}.json").read_text(encoding="utf-8"))
                    found[path] = str(note.get("sha256") or "")
        return found

    def of_checkpoints(self, known: Known, seen: dict[str, Seen]) -> dict[str, int]:
        """CRC-32 of their files by path. Those that training goes on changing are not looked at."""
        found: dict[str, int] = {}
        for path in [path for path in seen if path.endswith(f"/{checkpoints.STATE}") and "/checkpoints/" in path]:
            folder = path.rpartition("/")[0]
            try:
                named = checkpoints.files((self.home / path).read_bytes())
            except FileNotFoundError:
                continue
            except (OSError, ValueError):
                self.tell_of(Finding(Kind.CONTENT, Sort.CHECKPOINT, path, _run(path)))
                continue
            for name, (size, checksum) in named.items():
                other = seen.get(f"{folder}/{name}")
                if other is None or other.size != size:
                    if (self.home / path).exists():  # else it was removed meanwhile
                        kind = Kind.MISSING if other is None else Kind.SIZE
                        self.tell_of(Finding(kind, Sort.CHECKPOINT, f"{folder}/{name}", _run(path)))
                else:
                    found[f"{folder}/{name}"] = checksum
        return found

    def content(self, one: Seen, should: str, row: str, checksum: int | None) -> None:
        """Read a file whole."""
        sort = rows.sort_of(one.path)
        try:
            descriptor = os.open(self.home / one.path, _READ)
        except FileNotFoundError:
            return  # it went away meanwhile: what rows name was looked for before
        except OSError:
            self.tell_of(Finding(Kind.UNREADABLE, sort, one.path, row))
            return
        with os.fdopen(descriptor, "rb") as file:
            if not one.same(os.fstat(descriptor)):
                return  # written anew since
            try:
                sha256, crc = self.hashed(file.fileno())
            except OSError:
                self.tell_of(Finding(Kind.UNREADABLE, sort, one.path, row))
                return
            if not one.same(os.fstat(descriptor)):
                return
        self.found.files += 1
        should = should or self.digests.written(one)
        if (should and sha256 != should) or (checksum is not None and crc != checksum):
            source = self.recordings.get(one.path, 0)
            mend = Mend.AGAIN if source else Mend.NOTHING
            row = row or _run(one.path)
            if should:
                self.digests.doubt(one, should)
            self.tell_of(Finding(Kind.CONTENT, sort, one.path, row, mend, False, should, source))
        else:
            self.digests.put(one, sha256)

    def hashed(self, descriptor: int) -> tuple[str, int]:
        digest, crc = hashlib.sha256(), 0
        while block := os.read(descriptor, BLOCK):
            digest.update(block)
            crc = zlib.crc32(block, crc)
            self.found.size += len(block)
            self.pace.read(len(block))
            self.tell(Progress(Phase.READING, self.found.size, self.total))
        return digest.hexdigest(), crc

    def features(self, one: Seen) -> None:
        """An encoded clip. A damaged one is made anew when it is read; but it is a sign that the disk does damage."""
        try:
            good = not one.path.endswith(".safetensors") or cached.is_whole(self.home / one.path)
        except FileNotFoundError:
            return
        except OSError:
            good = False
        self.found.files += 1
        self.found.size += one.size
        self.pace.read(one.size)
        if not good:
            self.tell_of(Finding(Kind.CONTENT, Sort.FEATURES, one.path, "", Mend.DROP))


def _run(path: str) -> str:
    parts = path.split("/")
    return f"run {parts[1]}" if parts[0] == "runs" else ""
