"""What is looked at in the files of any base that is brought in a folder, and how features are told to be of it. One
sentence a fault. Imports nothing heavy."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engines import weights
from engines.base import EngineInfo
from engines.errors import WeightsMissing

#: Of a file's tensors, by name.
Shapes = dict[str, tuple[int, ...]]


def check_whole(info: EngineInfo, folder: Path, title: str, repository: str) -> None:
    """Raises WeightsMissing where a folder lacks files of the base; `title` is the model's name for people."""
    if not folder.is_dir():
        raise WeightsMissing(f"There is no folder {folder}.", f"Give the folder that has {title}'s files.")
    if lacking := weights.missing(info, folder):
        names = " and ".join(file.name for file in lacking)
        raise WeightsMissing(
            f"{folder} lacks {names}.", f"All of {', '.join(file.name for file in info.weights)} are at {repository}."
        )


def check_shapes(found: Mapping[str, tuple[int, ...]], wanted: Shapes, fault: str, hint: str) -> None:
    """Raises WeightsMissing for the first tensor that has another shape or is not there; `fault` says what is wrong
    then ("model.pth does not belong to config.json")."""
    for name, shape in wanted.items():
        if found.get(name) != shape:
            has = f"is {spelt(found[name])}" if name in found else "is not there"
            raise WeightsMissing(f"{fault}: {name} {has} and should be {spelt(shape)}.", hint)


def check_sizes(values: Mapping[str, Any], names: Sequence[str], file: str, hint: str) -> None:
    """Raises WeightsMissing where a configuration's `values` lack whole numbers of these names."""
    if lacking := [name for name in names if not isinstance(values.get(name), int)]:
        raise WeightsMissing(f"{file} does not say how big the model is ({', '.join(lacking)}).", hint)


def check_layers(found: Mapping[str, object], tensor: str, layers: int, file: str, hint: str) -> None:
    """Raises WeightsMissing where a file has more layers than its configuration: `tensor` is the name of one of the
    first that is too many."""
    if tensor in found:
        raise WeightsMissing(f"{file} does not belong to config.json: it has more than {layers} layers.", hint)


def json_object(path: Path, hint: str) -> dict[str, Any]:
    """Of a file. Raises WeightsMissing."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        found = None
    if not isinstance(found, dict):
        raise WeightsMissing(f"{path.name} is damaged or not what its name says: it is no JSON object.", hint)
    return found


def spelt(shape: tuple[int, ...]) -> str:
    """ "1024×80"."""
    return "×".join(map(str, shape)) or "a number"


class Fingerprints:
    """Short digests of files, each read once as long as it does not change."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], str] = {}

    def of(self, files: Sequence[Path]) -> str:
        """Of the files' content in this order."""
        key = tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in files)
        if key not in self._known:
            digest = hashlib.sha256()
            for path in files:
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
            self._known[key] = digest.hexdigest()[:16]
        return self._known[key]
