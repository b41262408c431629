"""Stand-ins for what big libraries import at their top and we never call: while they are there, importing transformers
costs neither torch's compiler (and with it sympy, its distributed tensors and FSDP) nor the losses of object detectors
(scipy's optimisers). Each brings the real thing when it is used after all.

Measured for transformers' GPT-2 beside torch 2.13: a third of the time and 1,100 modules fewer.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
import torch.compiler
import torch.distributed

_DYNAMO, _LOSSES = "torch._dynamo", "transformers.loss.loss_utils"
_EVENTS = "torch.utils.tensorboard"
#: of torch._dynamo, that functions are decorated with
_DECORATORS = ("allow_in_graph", "assume_constant_result", "disable")
_GET_ITEM = f"{_DYNAMO}._trace_wrapped_higher_order_op"


@contextlib.contextmanager
def in_place() -> Iterator[None]:
    """All of them, for imports in the block. What was imported before stays what it is."""
    losses = {} if _LOSSES in sys.modules else {_LOSSES: _module(_LOSSES, LOSS_MAPPING=_Losses())}
    with (
        without_compiler(),
        _standing_in(losses),
        _replaced(torch.distributed, "is_available", lambda: False),
        _replaced(importlib.metadata, "packages_distributions", _packages),
    ):
        yield


@contextlib.contextmanager
def without_compiler() -> Iterator[None]:
    """Torch's compiler alone, for the block."""
    compiler = {
        _DYNAMO: _module(_DYNAMO, __path__=[], **dict.fromkeys(_DECORATORS, _undecorated)),
        _GET_ITEM: _module(_GET_ITEM, TransformGetItemToIndex=_get_item),
    }
    if _DYNAMO in sys.modules:
        yield
        return
    with _standing_in(compiler), _replaced(torch.compiler, "disable", _undecorated):
        yield


@contextlib.contextmanager
def without_values() -> Iterator[None]:
    """Of parameters on the meta device, which have shapes and no values, nothing is drawn and no norm is taken, for the
    block: torch works out in Python what would come of that, and imports sympy for it. All others are as ever."""
    norm, weigh = torch.norm_except_dim, torch._weight_norm

    def drawn(by: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        return lambda tensor, *how, **named: tensor if tensor.is_meta else by(tensor, *how, **named)

    def normed(tensor: torch.Tensor, pow: int = 2, dim: int = 0) -> torch.Tensor:
        if not tensor.is_meta:
            return norm(tensor, pow, dim)
        return tensor.new_empty([size if axis == dim else 1 for axis, size in enumerate(tensor.shape)])

    def weighed(direction: torch.Tensor, length: torch.Tensor, dim: int = 0) -> torch.Tensor:
        return direction.new_empty(direction.shape) if direction.is_meta else weigh(direction, length, dim)

    with (
        _replaced(torch.Tensor, "normal_", drawn(torch.Tensor.normal_)),
        _replaced(torch.Tensor, "uniform_", drawn(torch.Tensor.uniform_)),
        _replaced(torch, "norm_except_dim", normed),
        _replaced(torch, "_weight_norm", weighed),
    ):
        yield


@contextlib.contextmanager
def without_event_files() -> Iterator[None]:
    """Torch's writer of TensorBoard files, for the block: what imports it here never makes one."""
    writer = {} if _EVENTS in sys.modules else {_EVENTS: _module(_EVENTS, SummaryWriter=_event_files)}
    with _standing_in(writer):
        yield


@contextlib.contextmanager
def without(*names: str) -> Iterator[None]:
    """As if these packages were not installed, for imports in the block. Those that were imported before are there."""
    with _standing_in({name: None for name in names if name not in sys.modules}):
        yield


@contextlib.contextmanager
def _standing_in(modules: Mapping[str, ModuleType | None]) -> Iterator[None]:
    sys.modules.update(modules)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name, stand_in in modules.items():
            if name in sys.modules and sys.modules[name] is stand_in:
                del sys.modules[name]


@contextlib.contextmanager
def _replaced(owner: ModuleType | type, name: str, value: object) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


class _Losses(Mapping[str, Any]):
    """transformers' LOSS_MAPPING, once somebody takes a loss out of it. Every model that is built asks for the names of
    all: those are read from its source."""

    @property
    def _all(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = importlib.import_module(_LOSSES).LOSS_MAPPING
        return found

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return _keys(_LOSSES, "LOSS_MAPPING") or tuple(self._all)

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return self._all[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _keys(module: str, table: str) -> tuple[str, ...]:
    """The keys of a dict of strings at a module's top, read from its source; none where it is written otherwise."""
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        return ()
    for statement in ast.parse(Path(found.origin).read_bytes()).body:
        if (
            isinstance(statement, ast.Assign)
            and isinstance(statement.value, ast.Dict)
            and [getattr(target, "id", "") for target in statement.targets] == [table]
        ):
            keys = [getattr(key, "value", None) for key in statement.value.keys]
            return tuple(key for key in keys if isinstance(key, str)) if all(isinstance(k, str) for k in keys) else ()
    return ()


def _get_item() -> Any:
    return importlib.import_module(_GET_ITEM).TransformGetItemToIndex()


def _event_files(*args: Any, **settings: Any) -> Any:
    return importlib.import_module(_EVENTS).SummaryWriter(*args, **settings)


def _undecorated(fn: Callable[..., Any] | None = None, recursive: bool = True, **_: object) -> Any:
    """In place of `torch.compiler.disable` and its kind: nothing here is ever compiled."""
    return fn if fn is not None else lambda function: function


@lru_cache(maxsize=1)
def _packages() -> Mapping[str, list[str]]:
    """What distributions there are: reads every package's files, and is asked for by three libraries."""
    return _distributions()


_distributions = importlib.metadata.packages_distributions


def _module(name: str, **contents: object) -> ModuleType:
    module = ModuleType(name)
    module.__dict__.update(contents)
    return module
