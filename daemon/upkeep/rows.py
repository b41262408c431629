"""Files held against rows: what rows name and is not there, what is there and no row names, and what a file's place
says of it. Of a home, or of a snapshot: all that is asked is which paths there are, and their sizes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from daemon import names
from daemon.home import identity, purged_folder, sums
from daemon.state import remote_voices
from daemon.upkeep.contents import Seen
from daemon.upkeep.known import Known, Named, Numbered
from daemon.upkeep.values import Finding, Kind, Mend, Sort

ABOUT = "version.json"
#: What is written into a version's folder after it was made, or is about whose it is.
_BESIDE = frozenset((*purged_folder.BESIDE, purged_folder.NOTE))
#: Folders below `samples/<voice>/` that are no version's.
_NO_VERSIONS = frozenset(("base", "recordings"))
_CLIP = re.compile(r"clips/([0-9a-f]{2})/(([0-9a-f]{2})[0-9a-f]{62})\.flac")
_SORTS = {
    "recordings": Sort.RECORDING, "clips": Sort.CLIP, "voices": Sort.VERSION, "runs": Sort.RUN, "samples": Sort.SAMPLE,
    "features": Sort.FEATURES, "imports": Sort.PACKAGE, "myna.db": Sort.DATABASE,
}  # fmt: skip


def sort_of(path: str) -> Sort:
    """By the folder that it lies in."""
    parts = path.split("/")
    if parts[0] == "runs" and "checkpoints" in parts:
        return Sort.CHECKPOINT
    return _SORTS.get(parts[0], Sort.OTHER)


def named_hash(path: str) -> str:
    """The SHA-256 that a file has by its name; empty: its name says nothing."""
    folder, _, name = path.rpartition("/")
    if folder.startswith("recordings/") and (found := names.kept_sha256(name)):
        return found if folder == f"recordings/{found[:2]}" else ""
    match = _CLIP.fullmatch(path)
    return match[2] if match is not None and match[1] == match[3] else ""


def lacking(known: Known, files: Mapping[str, int]) -> Iterator[Finding]:
    """What rows name and is not there, or not as long as it was. `files`: sizes by path."""
    for named in known.named:
        size = files.get(named.path)
        if size is None:
            yield _finding(Kind.MISSING, named)
        elif named.size is not None and size != named.size:
            yield _finding(Kind.SIZE, named)
    folders = _versions(files)
    for version in known.versions:
        if version.voice in known.moving:
            continue
        own, row = folders.get(version.path, {}), f"{version.voice}@{version.number}"
        if version.purged:
            continue
        if purged_folder.NOTE in own:
            yield Finding(Kind.MISSING, Sort.VERSION, version.path, row)
        elif ABOUT not in own:
            yield Finding(Kind.MISSING, Sort.VERSION, f"{version.path}/{ABOUT}", row)
        elif not any(name not in _BESIDE for name in own):
            yield Finding(Kind.MISSING, Sort.VERSION, version.path, row)


def _finding(kind: Kind, named: Named) -> Finding:
    mend = Mend.AGAIN if named.recording else Mend.NOTHING
    return Finding(kind, named.sort, named.path, named.row, mend, False, named.sha256 or "", named.recording)


def _versions(files: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Sizes by name, of each folder of a version."""
    found: dict[str, dict[str, int]] = {}
    for path, size in files.items():
        if path.startswith("voices/"):
            parts = path.split("/", 3)
            if len(parts) == 4:
                found.setdefault("/".join(parts[:3]), {})[parts[3]] = size
    return found


def unnamed(known: Known, path: str) -> str:
    """The file or folder that no row names and that this path is, or lies in; empty: a row does, or none need."""
    parts = path.split("/")
    match parts:
        case ["recordings", folder, name] if len(folder) == 2 and names.kept_sha256(name):
            return "" if path in known.paths else path
        case ["clips", *_]:
            return "" if path in known.paths else path
        case ["voices", voice, number, *rest] if rest:
            return "" if _is_version(known, voice, number) else "/".join(parts[:3])
        case ["samples", voice, number, *rest] if rest:
            mine = number in _NO_VERSIONS and (voice in known.voices or remote_voices.is_one(voice))
            return "" if mine or _is_version(known, voice, number) else "/".join(parts[:3])
        case ["runs", run, *rest] if rest:
            return "" if run.isdecimal() and int(run) in known.runs else "/".join(parts[:2])
    return ""


def _is_version(known: Known, voice: str, number: str) -> bool:
    if voice in known.moving or identity.ASIDE in number:
        return True  # on its way; or set aside, as another database's: nobody's business here
    return number.isdecimal() and (voice, int(number)) in known.numbers


def younger(home: Path, known: Known, seen: Seen, moment: int) -> bool:
    """Whether a file came after the database was copied: no row names it yet. `moment`: nanoseconds since 1970."""
    if not (place := unnamed(known, seen.path)):
        return False
    if place == seen.path:
        return seen.ctime >= moment
    try:
        return os.lstat(home / place).st_ctime_ns >= moment
    except OSError:
        return True


def sums_of(home: Path, version: Numbered) -> dict[str, str] | None:
    """Hashes of a version's files by name, as they were written; None: its Myna kept none. Raises ValueError, OSError
    for a list that cannot be read."""
    try:
        return sums.parse((home / version.path / sums.NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
