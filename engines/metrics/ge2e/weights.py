"""The weights in Resemblyzer's wheel, a file of PyTorch's format from before version 1.6, read without PyTorch: four
pickles (a mark, the format, the writing machine, the tensors' names and shapes), a fifth with the storages' keys, and
then the storages, each after its number of elements.

Nothing that a pickle names is run.
"""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from engines.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MARK, _FORMAT = 0x1950A86A20F9469CFC6C, 1001
_REMEDY = "pip install --no-deps Resemblyzer==0.1.4"


@dataclass(frozen=True)
class _Stored:
    """A tensor of the file: where it lies in which storage."""

    key: str
    offset: int  #: elements
    shape: tuple[int, ...]


def installed() -> Path:
    """The file in the installed package, which is not imported. Raises BadInput where there is none."""
    found = find_spec("resemblyzer")
    if found is None or found.origin is None:
        raise BadInput("Resemblyzer is not installed.", _REMEDY)
    return Path(found.origin).parent / "pretrained.pt"


def read(path: Path) -> dict[str, NDArray[np.float32]]:
    """The model's tensors by name. Raises BadInput for a file of another format, or a damaged one."""
    try:
        with path.open("rb") as file:
            return _read(file)
    except (OSError, EOFError, LookupError, TypeError, ValueError, pickle.UnpicklingError) as error:
        raise BadInput(f"The weights in {path} cannot be read: {error}.", _REMEDY) from error


def _read(file: IO[bytes]) -> dict[str, NDArray[np.float32]]:
    import numpy as np

    if (_Tensors(file).load(), _Tensors(file).load()) != (_MARK, _FORMAT):
        raise ValueError("they are of another format")
    _Tensors(file).load()
    model: dict[str, _Stored] = _Tensors(file).load()["model_state"]
    starts = {}
    for key in _Tensors(file).load():
        elements = int.from_bytes(file.read(8), "little")
        starts[key] = file.tell()
        file.seek(4 * elements, os.SEEK_CUR)
    tensors = {}
    for name, stored in model.items():
        file.seek(starts[stored.key] + 4 * stored.offset)
        tensors[name] = np.fromfile(file, "<f4", prod(stored.shape)).reshape(stored.shape)
    return tensors


class _Tensors(pickle.Unpickler):
    """Knows tensors of float32, and what holds them; refuses all else."""

    def find_class(self, module: str, name: str) -> Any:
        match module, name:
            case "collections", "OrderedDict":
                return OrderedDict
            case "torch", "FloatStorage":
                return float
            case "torch._utils", "_rebuild_tensor_v2":
                return _tensor
        raise pickle.UnpicklingError(f"there is a {module}.{name} in them")

    def persistent_load(self, id: Any) -> str:
        return str(id[2])  # ("storage", type, key, location, elements, view)


def _tensor(key: str, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object) -> _Stored:
    if strides != tuple(prod(shape[axis + 1 :]) for axis in range(len(shape))):
        raise ValueError("a tensor does not lie row by row")
    return _Stored(key, offset, shape)
