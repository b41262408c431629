"""The folder of a version whose weights a person had deleted: what stays in it, and the note that says so.

`purged.json` is written before the first file goes (`done`: false) and again after the last (true); so a folder that a
kill left half-empty is not taken for a whole version, and what somebody puts into it later is left alone. On a full
disk the first note may fail: the row in the database says the same.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from daemon.home import identity, sums
from engines.errors import DiskFull
from engines.files import sync_folder, write_whole

#: Of a version's folder, what says nothing of its weights.
BESIDE = frozenset(("version.json", identity.MARK, sums.NAME, "report.md", "report.json", "curves.svg"))
NOTE = "purged.json"
#: Bytes of spoken held-out lines that stay, to be heard; those of a version that has more go with its weights.
LARGE_SAMPLES = 50_000_000


def weights(folder: Path) -> list[Path]:
    """What purging deletes of a version's folder."""
    try:
        return sorted(path for path in folder.iterdir() if path.name not in BESIDE and path.name != NOTE)
    except FileNotFoundError:
        return []


def large_samples(folder: Path) -> list[Path]:
    """What purging deletes of the folder with a version's spoken lines: nothing, unless they are many bytes."""
    spoken = sorted(folder.glob("*.wav"))
    return spoken if size(spoken) > LARGE_SAMPLES else []


def size(paths: Iterable[Path]) -> int:
    """Bytes of files, and of those in folders. Links are not followed: what they lead to stays. Walks the disk."""
    total = 0
    for path in paths:
        below = path.rglob("*") if path.is_dir() and not path.is_symlink() else ()
        for one in (path, *below):
            with contextlib.suppress(FileNotFoundError):
                total += one.lstat().st_size if one.is_file() and not one.is_symlink() else 0
    return total


def noted(folder: Path) -> bool | None:
    """Whether the folder's weights are all deleted, as its note says; None: there is no note."""
    try:
        return json.loads((folder / NOTE).read_text(encoding="utf-8"))["done"] is True
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return False


def delete(folder: Path, samples: Path) -> None:
    """Delete the weights, and large samples. Again, after a kill at any moment: the rest goes. Raises OSError."""
    if folder.is_dir():
        _note(folder, done=False)
    for path in (*weights(folder), *large_samples(samples)):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for place in (folder, samples):
        if place.is_dir():
            sync_folder(place)
    if folder.is_dir():
        _note(folder, done=True)


def delete_file(path: Path) -> None:
    """Delete a package. Raises OSError."""
    path.unlink(missing_ok=True)
    sync_folder(os.fspath(path.parent))


def _note(folder: Path, *, done: bool) -> None:
    with contextlib.suppress(DiskFull):
        write_whole(folder / NOTE, (json.dumps({"done": done}) + "\n").encode(), "the note of a purged version")
