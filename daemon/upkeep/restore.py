"""Putting a snapshot back, into a home that is empty.

`restoring.json` lies in the home from the first file to the last: mynad does not start on it, and who restores again
goes on there. The database comes last.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from daemon.database.store import HEAD
from daemon.errors import BadRequest, DiskFull, NotNow
from daemon.home.lost import RESTORING
from daemon.processes.lock import Lock
from daemon.upkeep import contents, reading, rows
from daemon.upkeep.depot import BLOCK, EMPTY, Depot
from daemon.upkeep.manifest import File, Manifest, hash_of
from daemon.upkeep.mending import is_whole
from daemon.upkeep.values import Finding, Kind, Phase, Progress, Tell, nobody
from engines import registry, weights
from engines.files import TEMPORARY, disk_full_is_a_sentence, sync_folder, write_whole
from proto.lock import is_held

#: What a home that nobody worked in may have in it.
_NOTHING = EMPTY | {"run"}


@dataclass
class Restored:
    """What came of it."""

    snapshot: Manifest
    damaged: list[Finding] = field(default_factory=list)  #: files that the backup has not whole: they are not restored
    bases: list[str] = field(default_factory=list)  #: engines whose base is not here


def restore(depot: Depot, snapshot: Manifest, home: Path, tell: Tell = nobody) -> Restored:
    """Write a snapshot's files into a home. Raises BadRequest for a folder in which something lies, NotNow where a
    mynad runs, DiskFull; what is written until then is taken up by the next try."""
    _check(home, snapshot, depot)
    with disk_full_is_a_sentence("the home"):
        home.mkdir(mode=0o700, exist_ok=True)
        lock = Lock(home)
        try:
            mark = home / RESTORING
            write_whole(mark, _mark(snapshot), "a mark")
            answer = Restored(snapshot)
            _write(depot, snapshot, home, answer, tell)
            for voice in snapshot.folders:
                (home / contents.INBOX / voice).mkdir(parents=True, exist_ok=True)
            os.sync()
            mark.unlink()
            sync_folder(home)
        finally:
            lock.release()
    answer.bases = [name for name in snapshot.bases if _lacks_base(name, home)]
    return answer


def _check(home: Path, snapshot: Manifest, depot: Depot) -> None:
    if is_held(home):
        raise NotNow(f"A mynad runs on {home}.", "Restore into another folder, or end it first (`myna down`).")
    if home.exists() and not home.is_dir():
        raise BadRequest(f"{home} is no folder.", "Name a new or empty folder.")
    if not home.parent.is_dir():
        raise BadRequest(f"There is no folder {home.parent}.", "Name a folder in one that is there.")
    begun = (home / RESTORING).read_bytes() if (home / RESTORING).is_file() else b""
    if begun and begun != _mark(snapshot):
        hint = "Go on with that one (--snapshot), or name another folder."
        raise BadRequest(f"Another snapshot is half restored in {home}: {begun.decode(errors='replace').strip()}", hint)
    if home.is_dir() and set(os.listdir(home)) - _NOTHING and not begun:
        hint = "Name a new or empty folder; nothing that lies in one is written over."
        raise BadRequest(f"{home} is not empty. Nothing was restored.", hint)
    if not is_whole(depot, snapshot.database):
        hint = f"Take another one with --snapshot; `myna backup {depot.path} --list` lists them."
        raise BadRequest(f"The database of the snapshot {snapshot.id} is damaged. Nothing was restored.", hint)
    if (home / reading.NAME).exists():  # a restoring was cut short after its last file
        (home / reading.NAME).unlink()
    if snapshot.schema > HEAD:
        sentence = f"The snapshot {snapshot.id} was taken by a newer Myna (schema {snapshot.schema})."
        raise BadRequest(sentence, "Install that one, then restore.")
    there = home if home.is_dir() else home.parent
    if (short := snapshot.size - _size(home) - shutil.disk_usage(there).free) > 0:
        hint = f"Free {short / 1e9:.1f} GB there, or name a folder on another disk."
        raise DiskFull(f"The disk of {home} has no room for the snapshot ({snapshot.size / 1e9:.1f} GB).", hint)


def _mark(snapshot: Manifest) -> bytes:
    """What says that this snapshot is being restored."""
    return json.dumps({"snapshot": snapshot.id, "home": snapshot.home}).encode() + b"\n"


def _size(home: Path) -> int:
    """Bytes that an earlier try wrote."""
    found = (seen.size for name in os.listdir(home) for seen in contents.walked(home, name)) if home.is_dir() else ()
    return sum(found)


def _write(depot: Depot, snapshot: Manifest, home: Path, answer: Restored, tell: Tell) -> None:
    done, total = 0, snapshot.size
    for file in (*snapshot.files, snapshot.database):
        if not _is_there(home, file):
            kind = _copy(depot, file, home)
            if kind is not None:
                answer.damaged.append(Finding(kind, rows.sort_of(file.path), file.path))
                tell(answer.damaged[-1])
        done += file.size
        tell(Progress(Phase.RESTORING, done, total))


def _is_there(home: Path, file: File) -> bool:
    """An earlier try put it there, and the disk has kept it."""
    try:
        told = os.lstat(home / file.path)
        if (told.st_size, told.st_mtime_ns) != (file.size, file.mtime):
            return False
        with (home / file.path).open("rb") as there:
            return hash_of(there) == file.sha256
    except OSError:
        return False


def _copy(depot: Depot, file: File, home: Path) -> Kind | None:
    """Write one, if the backup has it as it was; else, what is wrong with it. Raises DiskFull."""
    place = home / file.path
    place.parent.mkdir(parents=True, exist_ok=True)
    aside = place.with_name(f"{TEMPORARY}restored")
    try:
        source = depot.object(file.sha256).open("rb")
    except FileNotFoundError:
        return Kind.MISSING
    except OSError:
        return Kind.UNREADABLE
    private = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)  # it may hold a key
    with source, os.fdopen(private, "wb") as out:
        digest = hashlib.sha256()
        while True:
            try:
                block = source.read(BLOCK)
            except OSError:
                block, digest = b"", hashlib.sha256(b"unreadable")
            if not block:
                break
            digest.update(block)
            out.write(block)
    if digest.hexdigest() != file.sha256:
        aside.unlink()
        return Kind.CONTENT
    aside.chmod(file.mode & 0o777)
    os.utime(aside, ns=(file.mtime, file.mtime))
    aside.replace(place)
    return None


def _lacks_base(engine: str, home: Path) -> bool:
    if engine not in registry.ENGINES:
        return True
    info = registry.info(engine)
    return bool(weights.missing(info, weights.folder(engine, home)))
