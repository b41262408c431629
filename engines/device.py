"""Where a worker computes, and what a loaded model takes there."""

from __future__ import annotations

import platform

import torch

from engines.base import Model


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


def memory_of(model: Model) -> int:
    """Bytes of a loaded voice's parameters and buffers; 0 where they are not in this process."""
    if model.module is None:
        return 0
    return sum(
        tensor.numel() * tensor.element_size() for tensor in [*model.module.parameters(), *model.module.buffers()]
    )
