"""What benchmarks share: how one tells what it measured, one line a bar, which `run.py` reads; what it spent."""

from __future__ import annotations

import resource


def tell(name: str, measured: str, bar: str, holds: bool) -> None:
    """Print the line of one bar."""
    print(f"{name} · {measured} · {bar} · {'holds' if holds else 'falls short'}", flush=True)


def cpu_seconds() -> float:
    """Of this process and of those it has started and that have ended."""
    spent = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in spent)
