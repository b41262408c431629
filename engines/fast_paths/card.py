"""The proofs of the card that a worker computes on."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch

from engines.fast_paths.proving import Proofs, Prove
from engines.fast_paths.record import FILE, Card, FastPath

#: Names a switch: "off" takes no fast path on any card.
SWITCH = "MYNA_FAST_PATHS"


def proofs(device: torch.device) -> Proofs | None:
    """Of a device; None where no fast path is to be taken: on a CPU, or where they are switched off."""
    if device.type != "cuda" or os.environ.get(SWITCH, "").lower() == "off":
        return None
    home = os.environ.get("MYNA_HOME")
    index = torch.cuda.current_device() if device.index is None else device.index
    return _proofs(index, Path(home) / FILE if home else None)


def trusts(path: FastPath, device: torch.device, subject: str, prove: Prove) -> bool:
    """Whether a path may be taken on a device; proved if need be."""
    known = proofs(device)
    return known is not None and known.trusts(path, subject, prove)


@cache
def _proofs(index: int, file: Path | None) -> Proofs:
    return Proofs(_card(index), file)


def _card(index: int) -> Card:
    properties = torch.cuda.get_device_properties(index)
    return Card(properties.name, str(getattr(properties, "uuid", index)), _driver(), torch.__version__)


def _driver() -> str:
    """The driver's release; where NVML does not tell it, the CUDA that the driver is for."""
    try:
        import pynvml

        pynvml.nvmlInit()
        try:
            told = pynvml.nvmlSystemGetDriverVersion()
        finally:
            pynvml.nvmlShutdown()
        return told.decode() if isinstance(told, bytes) else str(told)
    except Exception:  # no package, no library, a driver that does not answer: each is its own class
        asked: Callable[[], int] | None = getattr(torch._C, "_cuda_getDriverVersion", None)  # only CUDA builds have it
        return "unknown" if asked is None else f"CUDA {asked()}"
