"""Where a worker computes, and what a loaded model takes there."""

from __future__ import annotations

import platform
from collections.abc import Iterator

import torch

from engines.autoregressive import projections
from engines.base import HoldsMore, Model


def device() -> str:
    """ "cuda" where torch has a GPU it can use, else "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def torch_device() -> torch.device:
    return torch.device(device())


def send(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor of the CPU, on a device, without waiting for what is queued there. Safe for what the host changes
    later: from memory that is not pinned a copy is staged before this returns. Not for the way back."""
    return tensor.to(device, non_blocking=True)


def name() -> str:
    """The machine, for reports: the GPU's name, or the CPU's and its threads."""
    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return f"CPU ({platform.machine()}, {torch.get_num_threads()} threads)"


def memory_of(*models: Model) -> int:
    """Bytes that loaded voices hold together, what they share once: parameters and buffers, and what is kept of
    matrices beside them, packed or in fewer bits. 0 where they are not in this process."""
    found: dict[object, int] = {}
    for model in models:
        for part in _parts(model):
            inside = (*part.parameters(), *part.buffers()) if isinstance(part, torch.nn.Module) else (part,)
            # masks are as big as they are unread
            found |= {(one.data_ptr(), one.shape): one.nbytes for one in inside if one.dtype != torch.bool}
            if isinstance(part, torch.nn.Module):
                found |= projections.kept_beside(part)
    return sum(found.values())


def _parts(model: Model) -> Iterator[torch.nn.Module | torch.Tensor]:
    if isinstance(model, HoldsMore):
        yield from model.held
    elif model.module is not None:
        yield model.module
