"""In place of torch.cuda's graph: what is recorded is done again, and its results come to lie where they lay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from engines.autoregressive.graphs import Tensors


class RecordedCall:
    """`engines.autoregressive.graphs.Graph`, without a card. As on one, recording leaves nothing in the results."""

    made = 0  #: of all that there were

    def __init__(self, device: torch.device) -> None:
        RecordedCall.made += 1

    def record(self, work: Callable[[], Tensors]) -> Tensors:
        self._work, self._made = work, work()
        for tensor in self._made:
            tensor.fill_(torch.nan if tensor.is_floating_point() else -1)
        return self._made

    def replay(self) -> None:
        for there, made in zip(self._made, self._work(), strict=True):
            there.copy_(made)


class RecordedOperations(TorchDispatchMode):
    """The same by torch's operations, on the CPU: as a card's graph it knows only the tensors and the numbers that they
    were given when it was recorded, and no Python."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self._calls: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket is torch.ops.aten._local_scalar_dense:
            raise RuntimeError("operation not permitted when stream is capturing")
        made = func(*args, **(kwargs or {}))
        self._calls.append((func, args, kwargs or {}, made))
        return made

    def record(self, work: Callable[[], Tensors]) -> Tensors:
        work()
        with self:
            return work()

    def replay(self) -> None:
        for func, args, kwargs, made in self._calls:
            again = func(*args, **kwargs)
            for there, one in zip(tree_leaves(made), tree_leaves(again), strict=True):
                if isinstance(there, torch.Tensor) and there.data_ptr() != one.data_ptr():  # not the same, nor a view
                    there.copy_(one)
