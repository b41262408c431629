"""A job's GPU as people read it: one wording for the daemon's log, the command line and the dashboard."""

from __future__ import annotations

from collections.abc import Sequence

from proto import myna_pb2 as pb


def where(use: pb.GpuUse) -> str:
    """ "GPU 0", of a waiting job also "GPU 0 or 1", of another machine "GPU 0 of box2" or "box2"; empty: there is none
    to tell of."""
    gpu = "GPU " + either(use.indices) if use.indices else ""
    return " of ".join(filter(None, (gpu, use.node)))


def either(indices: Sequence[int]) -> str:
    """ "0", "0 or 1", "0, 1 or 2"."""
    *first, last = map(str, indices)
    return f"{', '.join(first)} or {last}" if first else last


def too_little(use: pb.GpuUse) -> bool:
    """It runs where less memory was free than it needs at most."""
    return bool(use.uuid) and use.needs > use.free


def memory(use: pb.GpuUse) -> str:
    """ "needs 9.2 GB, 8.0 GB free on GPU 0"; empty: nobody knows what it needs."""
    if not use.needs:
        return ""
    said = f"needs {use.needs / 1e9:.1f} GB" + ("" if use.measured else ", as its engine states")
    return said + (f", {use.free / 1e9:.1f} GB free on {where(use)}" if use.uuid else "")
