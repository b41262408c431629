"""A program whose proof of a fast path takes the process with it, as a driver's segfault does: RECORD."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from engines.fast_paths.proving import Comparison, Proofs
from engines.fast_paths.record import Card, FastPath

CARD = Card("Pretended 1", "GPU-1", "600.1", "2.13")


def die() -> Comparison:
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError("it is dead")


if __name__ == "__main__":
    Proofs(CARD, Path(sys.argv[1])).trusts(FastPath.GRAPHS, "small", die)
