"""What happens to memory in a training: how much is taken, what running out looks like, how the card is lent to
somebody else."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import torch
from torch.utils.checkpoint import checkpoint


def taken(device: torch.device) -> int:
    """Bytes that the training holds now: on the card, or of the process where there is no card."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


#: Bytes of a card that CUDA itself takes in a process: its context and kernels.
CONTEXT = 500_000_000


def limited(device: torch.device) -> bool:
    """Whether it has memory of its own, which a training can fill."""
    return device.type == "cuda"


def peak(device: torch.device) -> int:
    """Bytes of a card that this process needed at most until now, or since `forget_peak`: what was in use, and CUDA's
    own. What the allocator merely keeps does not count: it gives that back before it fails."""
    return torch.cuda.max_memory_allocated(device) + CONTEXT


def forget_peak(device: torch.device) -> None:
    """Count `peak` anew, from what is in use now: what was tried and did not fit is nothing that a training needs."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def left(device: torch.device) -> int:
    """Bytes of a card that nobody holds."""
    return int(torch.cuda.mem_get_info(device)[0])


def ran_out(error: BaseException) -> bool:
    """Whether an exception means that memory ran out, on a card or on the host."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)


def checkpoint_activations(module: torch.nn.Module) -> bool:
    """Have transformers in the module compute their activations again in the backward pass instead of keeping them: a
    third more work, the same gradients, a fraction of the memory. False if nothing changes by it: there is none, or all
    do so already."""
    changed = False
    for part in module.modules():
        if getattr(part, "supports_gradient_checkpointing", False) and not part.is_activation_checkpointing:
            # what gradient_checkpointing_enable does, but for looking at token embeddings, which Coqui's GPT has not
            part._set_gradient_checkpointing(True, partial(checkpoint, use_reentrant=False))  # type: ignore[operator]
            changed = True
    return changed


def release(device: torch.device) -> None:
    """Give cached, unused blocks back to the card."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def move(module: torch.nn.Module, optimizer: torch.optim.Optimizer, device: torch.device) -> None:
    """Move weights, gradients and optimizer state; parameters stay the same objects, values the same bits. An
    optimizer that is not one kernel counts its steps on the CPU, and goes on doing so."""
    module.to(device)
    counted = {parameter for group in optimizer.param_groups if not group.get("fused") for parameter in group["params"]}
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if torch.is_tensor(value) and not (name == "step" and parameter in counted):
                state[name] = value.to(device)
