"""How a benchmark tells what it measured: one line a bar, which `run.py` reads."""

from __future__ import annotations


def tell(name: str, measured: str, bar: str, holds: bool) -> None:
    """Print the line of one bar."""
    print(f"{name} · {measured} · {bar} · {'holds' if holds else 'falls short'}", flush=True)
