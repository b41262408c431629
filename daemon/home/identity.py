"""Whose a folder is. Numbers start anew with every database, and an older database that is put back gives them a second
time; so the folder of a run (`runs/12/`) and that of a version (`voices/anna/3/`) hold the UUIDs of their home and run
in `identity.json`, and the row has them too. A folder is used only when they agree.

What is another's is never used and never deleted:

- a version takes the next number that nothing on disk has (`free_number`), so the folders of other versions stay where
they are;
- whatever else stands in the way is renamed beside itself: `runs/12` becomes `runs/12.of-another-database`
(`set_aside`).

Folders that were written before there were marks have none. They are this run's only if the run's row is older than its
database's UUID (`Home.since`: the time of the migration, or of the new home) and no file in the folder is older than
the start of the run: what another database left there, before this one gave the number again, is. For a finished
version its `version.json` must agree with the run as well (`written_for`). Once found to be ours, a folder is marked,
so that this is asked once. The process that writes a folder marks it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from daemon.package.formats import MYNA
from engines.files import sync_folder, write_whole

#: In the folder of every run and of every version.
MARK = "identity.json"
#: What is appended to the name of a folder or file that is another's.
ASIDE = ".of-another-database"


@dataclass(frozen=True)
class Mark:
    """Which run of which home wrote a folder."""

    home: str
    run: str


def read(folder: Path) -> Mark | None:
    """The folder's mark; None: there is none that can be read."""
    try:
        found = json.loads((folder / MARK).read_text(encoding="utf-8"))
        return Mark(str(found["home"]), str(found["run"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(folder: Path, mark: Mark) -> None:
    """Mark a folder, which must be there. Raises DiskFull."""
    write_whole(
        folder / MARK, (json.dumps(asdict(mark), indent=1, sort_keys=True) + "\n").encode(), "whose a folder is"
    )


def is_of(folder: Path, run: str, unmarked_from: int = 0) -> bool:
    """Whether the folder is that of the run with this UUID. `unmarked_from`: nanoseconds since 1970; a folder without a
    mark is too, when no file in it is older (0: never)."""
    mark = read(folder)
    if mark is not None or not unmarked_from:
        return mark is not None and mark.run == run
    return not (folder / MARK).exists() and all(time >= unmarked_from for time in _times(folder))


def written_for(about: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether a version's lineage (`version.json`) says all that is wanted of it."""
    return all(about.get(name) == value for name, value in wanted.items())


def claim(folder: Path, mark: Mark, unmarked_from: int = 0) -> Path | None:
    """Have a folder that is this run's, and marked: made if there is none. Another's in its place is set aside; where
    to, is returned."""
    aside = None
    if folder.exists() and any(folder.iterdir()) and not is_of(folder, mark.run, unmarked_from):
        aside = set_aside(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if read(folder) != mark:
        write(folder, mark)
    return aside


def set_aside(path: Path) -> Path:
    """Rename what is another's, beside itself, to a name that nothing has. Returns the new path."""
    number = 1
    while os.path.lexists(place := path.with_name(f"{path.name}{ASIDE}{f'-{number}' if number > 1 else ''}")):
        number += 1
    path.rename(place)
    sync_folder(path.parent)
    return place


def free_number(home: Path, voice: str, number: int) -> int:
    """The first version number from `number` on that neither a version's folder, nor what was spoken or exported of
    one, has on disk."""
    while any(os.path.lexists(path) for path in _places(home, voice, number)) or any(
        (home / "exports").glob(f"{voice}-{number}-*.tar"),
    ):
        number += 1
    return number


def _places(home: Path, voice: str, number: int) -> tuple[Path, ...]:
    package = home / "exports" / f"{voice}-{number}{MYNA}"
    return home / "voices" / voice / str(number), home / "samples" / voice / str(number), package


def _times(folder: Path) -> Iterator[int]:
    """When each file in the folder was last written, nanoseconds since 1970."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.stat().st_mtime_ns
