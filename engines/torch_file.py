"""What is in a PyTorch file (`.pth`), told without loading it: names and shapes of its tensors, other values as far as
they are plain.

Imports neither torch nor anything that the file names: its pickle is read by an unpickler for which every class is a
blank.

By hand, and not by `torch.load(weights_only=True, mmap=True, map_location="meta")`, for three reasons. Bases are looked
at by a worker of the CPU lane that loads no torch. The published model.pth holds its configuration as an object of
Coqui's, which torch would only read with Coqui's classes imported. And torch says the same of a web page, a Git LFS
pointer and a file that is cut off; it knows no checksums either. What a model is made of is loaded by torch, always
with `weights_only=True` (`engines.xtts.network`).
"""

from __future__ import annotations

import hashlib
import io
import pickle
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.errors import WeightsMissing

#: Bytes of the pickle inside a file, at most: XTTS-v2's has a quarter of a megabyte.
PICKLE_LIMIT = 64_000_000
#: First bytes of what is saved in place of a file when a download went wrong, and what that is.
IMPOSTORS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "Run `git lfs pull` where it was cloned."),
    (b"<", "a web page, not the file itself", "Download it again, from the repository's “resolve” address."),
)


@dataclass(frozen=True)
class TensorFacts:
    """A tensor of the file."""

    shape: tuple[int, ...]
    record: str  #: name of the stored bytes; tensors may share them


def tensors(path: Path) -> dict[str, TensorFacts]:
    """Tensors by name, names of nested dictionaries joined by "/"; a file that is one tensor has it under "". Raises
    WeightsMissing with a sentence for what is no whole PyTorch file."""
    return dict(_walk(_read(path), ""))


def broken_record(path: Path) -> str:
    """Name of the first stored piece whose bytes are not what its checksum says; empty: all are whole. Reads the whole
    file."""
    with zipfile.ZipFile(path) as archive:
        return archive.testzip() or ""


def fingerprint(path: Path) -> str:
    """Short digest of all stored tensors, by the checksums that the file carries: its name, and what was saved beside
    them, do not count. Reads the file's directory only. Raises WeightsMissing for what is no whole PyTorch file."""
    if not zipfile.is_zipfile(path):
        raise _no_archive(path)
    with zipfile.ZipFile(path) as archive:
        stored = sorted((entry.CRC, entry.file_size) for entry in archive.infolist() if "/data/" in entry.filename)
    return hashlib.sha256(repr(stored).encode()).hexdigest()[:16]


def _read(path: Path) -> Any:
    if not zipfile.is_zipfile(path):
        raise _no_archive(path)
    try:
        with zipfile.ZipFile(path) as archive:
            pickled = next(
                (entry for entry in archive.infolist() if entry.filename.rpartition("/")[2] == "data.pkl"), None
            )
            if pickled is None or pickled.file_size > PICKLE_LIMIT:
                raise WeightsMissing(
                    f"{path.name} is a zip archive, but not one that PyTorch wrote.",
                    "Give the file as it was published.",
                )
            return _Blank(io.BytesIO(archive.read(pickled))).load()
    except (
        zipfile.BadZipFile,
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        TypeError,
        AttributeError,
        IndexError,
        KeyError,
        OSError,
    ) as error:
        raise WeightsMissing(f"{path.name} is damaged: {error}.", "Get it again.") from error


def _no_archive(path: Path) -> WeightsMissing:
    with path.open("rb") as file:
        head = file.read(64)
    for start, what, hint in IMPOSTORS:
        if head.lstrip().startswith(start):
            return WeightsMissing(f"{path.name} is {what}.", hint)
    if head.startswith(b"PK"):
        return WeightsMissing(
            f"{path.name} is cut off: it ends after {path.stat().st_size:,} bytes.", "Copy or download it again, whole."
        )
    if head.startswith(b"\x80\x02\x8a\x0a"):
        sentence = f"{path.name} is in PyTorch's format from before version 1.6."
        return WeightsMissing(sentence, "Load and save it with a newer PyTorch, or give the published file.")
    return WeightsMissing(f"{path.name} is no PyTorch file.", "Give the file as it was published.")


def _walk(value: Any, name: str) -> Iterator[tuple[str, TensorFacts]]:
    if isinstance(value, TensorFacts):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _walk(inner, f"{name}/{key}" if name else str(key))


class _Anything:
    """Stands for every class and function that the pickle names, and for what they make."""

    def __new__(cls, *_: object, **__: object) -> _Anything:
        return object.__new__(cls)

    def __init__(self, *_: object, **__: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...

    def __setitem__(self, key: object, value: object) -> None: ...

    def add(self, value: object) -> None: ...

    def append(self, value: object) -> None: ...

    def extend(self, values: object) -> None: ...


class _Blank(pickle.Unpickler):
    """Runs nothing of what the pickle names."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return _OrderedDict
        if module == "torch._utils" and name.startswith("_rebuild_tensor"):
            return _tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _parameter
        return _Anything

    def persistent_load(self, id: Any) -> str:
        return str(id[2])  # ("storage", type, key, location, elements)


class _OrderedDict(dict[Any, Any]):
    """Takes the attributes that PyTorch hangs onto a state dict (`_metadata`), and forgets them."""

    def __setstate__(self, state: object) -> None: ...


def _tensor(record: str, offset: int, size: tuple[int, ...], *_: object) -> TensorFacts:
    return TensorFacts(tuple(size), record)


def _parameter(data: TensorFacts, *_: object) -> TensorFacts:
    return data
