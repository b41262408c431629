"""Stand-ins for what big libraries import at their top and we never call: while they are there, importing transformers
costs neither torch's compiler (and with it sympy, its distributed tensors and FSDP) nor the losses of object detectors
(scipy's optimisers). Each brings the real thing when it is used after all.

Measured for transformers' GPT-2 beside torch 2.13: a third of the time and 1,100 modules fewer.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any

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
def _replaced(owner: ModuleType, name: str, value: object) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


class _Losses(Mapping[str, Any]):
    """transformers' LOSS_MAPPING, once somebody looks into it."""

    @property
    def _all(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = importlib.import_module(_LOSSES).LOSS_MAPPING
        return found

    def __getitem__(self, name: str) -> Any:
        return self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


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
