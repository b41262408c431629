"""Where a worker computes."""

from __future__ import annotations


def device() -> str:
    """"cuda" where torch has a GPU it can use, else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def name() -> str:
    """The machine, for reports: the GPU's name, or the CPU's and its threads."""
    import platform

    import torch

    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return f"CPU ({platform.machine()}, {torch.get_num_threads()} threads)"


def memory_of(module: object) -> int:
    """Bytes of a torch module's parameters and buffers."""
    import torch

    assert isinstance(module, torch.nn.Module)
    return sum(tensor.numel() * tensor.element_size() for tensor in [*module.parameters(), *module.buffers()])
