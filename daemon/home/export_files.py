"""Which files of `exports/` are whose: their names say it."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from daemon.package.formats import MYNA, Format
from engines import registry

FOLDER = "exports"


@dataclass(frozen=True)
class ExportFile:
    """A package or archive that was written for others."""

    path: Path
    number: int  #: of the version; 0: it holds a dataset
    rest: str  #: of its name, after the voice's


def every(home: Path) -> list[Path]:
    """All of them."""
    there = [*(home / FOLDER).glob("*.tar"), *(home / FOLDER).glob(f"*{MYNA}")]
    return sorted(path for path in there if not path.name.startswith("."))


def of_voice(home: Path, voice: str, numbers: Collection[int] | None = None) -> list[ExportFile]:
    """A voice's, by number; of these versions only, where numbers are given."""
    formats = {format for info in registry.ENGINES.values() for format in info.exports}
    layouts = "|".join(Format)
    of_dataset = re.compile(rf"dataset[0-9]+(-features)?(-({layouts})\.tar|{re.escape(MYNA)})")
    found = []
    for path in every(home):  # what there is, and not what might be: a request may name a million versions
        if not path.name.startswith(f"{voice}-"):
            continue
        rest = path.name.removeprefix(f"{voice}-")
        number, _, format = rest.removesuffix(".tar").partition("-")
        if rest.endswith(MYNA):
            number, format = rest.removesuffix(MYNA), Format.MYNA
        if re.fullmatch("[0-9]{1,18}", number) and (format in formats or format == Format.MYNA):
            if numbers is None or int(number) in numbers:
                found.append(ExportFile(path, int(number), rest))
        elif numbers is None and of_dataset.fullmatch(rest):
            found.append(ExportFile(path, 0, rest))
    return sorted(found, key=lambda one: (one.number, one.path))


def renamed(home: Path, old: str, new: str) -> None:
    """A voice has another name. What lies there under the new one already stays, and so does the other beside it. Done
    twice is done once. Raises OSError."""
    for one in of_voice(home, old):
        target = one.path.with_name(f"{new}-{one.rest}")
        if not os.path.lexists(target):
            one.path.rename(target)
