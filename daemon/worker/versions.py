"""Folders of versions, as workers read and write them: written whole and renamed into place, with their lineage in
`version.json`."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from daemon.home import same_weights, sums
from daemon.home.identity import MARK, Mark, set_aside
from daemon.home.identity import write as write_mark
from engines.base import Clip
from engines.files import TEMPORARY, disk_full_is_a_sentence, make_folder, sync_file, sync_folder
from proto import worker_pb2 as wire

#: Present in every complete version folder, written last.
LINEAGE = "version.json"
#: What is written into a version's folder later, and says nothing of its weights.
REPORT = ("report.md", "report.json", "curves.svg")
BESIDE = (LINEAGE, MARK, sums.NAME, *REPORT)


def clips(refs: Iterable[wire.ClipRef]) -> list[Clip]:
    """References as the engines' clips."""
    return [Clip(ref.sha256, Path(ref.path), ref.text, ref.language, ref.seconds) for ref in refs]


def lineage(folder: Path) -> dict[str, Any] | None:
    """The lineage of a complete version; None if the folder is missing or incomplete."""
    try:
        found = json.loads((folder / LINEAGE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


class Twin(Exception):
    """What would be a version has the weights of this one."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def write(
    folder: Path,
    save: Callable[[Path], None],
    about: dict[str, Any],
    mark: Mark,
    known: Sequence[wire.KnownWeights] = (),
) -> Path | None:
    """Let `save` fill a folder beside `folder`, add the lineage and the mark, sync everything and rename it into place.
    Raises DiskFull, and Twin if the weights are `known`: then nothing of it is left. What lies half-written from killed
    attempts at this version is swept away first. Whatever stands in its place is not this version: it is set aside, and
    where to is returned."""
    stood = None
    make_folder(folder.parent)
    for leftover in folder.parent.glob(f"{TEMPORARY}{folder.name}-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    aside = folder.parent / f"{TEMPORARY}{folder.name}-{os.getpid()}"
    with disk_full_is_a_sentence("the new version"):
        try:
            aside.mkdir()
            save(aside)
            (aside / LINEAGE).write_text(json.dumps(about, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            write_mark(aside, mark)
            sums.write(aside, REPORT)
            own = same_weights.digest(aside)
            if (twin := next((one.version for one in known if one.digest == own), 0)) != 0:
                raise Twin(twin)
            _sync(aside)
            stood = set_aside(folder) if os.path.lexists(folder) else None
            aside.rename(folder)
            sync_folder(folder.parent)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
    return stood


def identity(folder: Path) -> str:
    """Short digest that changes when a version's or base's files do (names, sizes, times: weights are too big to be
    read for this)."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in BESIDE:
            facts = path.stat()
            digest.update(f"{path.relative_to(folder)} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def data_digest(refs: Sequence[wire.ClipRef]) -> str:
    """Short digest of clips and their texts."""
    digest = hashlib.sha256()
    for ref in sorted(refs, key=lambda ref: ref.sha256):
        digest.update(f"{ref.sha256} {ref.text}\n".encode())
    return digest.hexdigest()[:16]


def _sync(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            sync_folder(path)
        else:
            sync_file(path)
    sync_folder(folder)
