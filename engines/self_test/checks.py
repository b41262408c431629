"""The checks in turn. What one raises is what it found."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from engines.self_test import card, speaking, training
from engines.self_test.bench import Bench
from engines.self_test.result import Check, Reason, Result, failed, skipped

#: What each call finds. The fast paths come early: those that hold are used by the checks after them.
_ORDER: tuple[tuple[tuple[Check, ...], Callable[[Bench], tuple[Result, ...]]], ...] = (
    ((Check.BF16,), lambda bench: (card.bf16(bench),)),
    ((Check.FAST_PATHS,), lambda bench: (card.fast_paths(bench),)),
    ((Check.OUT_OF_MEMORY,), lambda bench: (training.out_of_memory(bench),)),
    ((Check.YIELD,), lambda bench: (training.yielding(bench),)),
    ((Check.MEMORY_RETURN, Check.RESUME), training.killed),
    ((Check.SPEECH,), lambda bench: (speaking.stream(bench),)),
    ((Check.THROUGHPUT,), lambda bench: (card.throughput(bench),)),
)


def results(device: str, folder: Path, used: Callable[[], int | None], most: float) -> Iterator[Result]:
    """Every check but NVML's own, on "cuda" or "cpu"; files go to `folder`, in which a tiny base stays for the next
    time. `used` tells the bytes of the card that are taken; after `most` seconds no further check begins."""
    began = time.monotonic()
    with contextlib.closing(Bench(torch.device(device), folder, used)) as bench:
        for checks, look in _ORDER:
            if time.monotonic() - began > most:
                yield from (skipped(check, Reason.NO_TIME) for check in checks)
                continue
            try:
                yield from look(bench)
            except Exception as error:
                yield from (failed(check, Reason.RAISED, error=f"{type(error).__name__}: {error}") for check in checks)
