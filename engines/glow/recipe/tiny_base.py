"""A random base of tiny size, for tests: `python -m engines.glow.recipe.tiny_base OUT`.

Same files as the shipped base, so that `MYNA_GLOW_BASE=OUT` puts it in its place. It trains at about 20 ms a step, and
says nothing.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from engines.glow import network

SETTINGS = network.Settings(
    speakers=("first", "second"),
    hidden=16,
    encoder_layers=1,
    filter=32,
    flow_blocks=2,
    block_layers=1,
    duration_hidden=16,
)


def make(out: Path, seed: int = 0) -> None:
    """Write the base into `out`, which is made if need be. The same seed gives the same bytes; the caller's random
    state is left alone."""
    out.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = network.build(SETTINGS)
    network.save(module, SETTINGS, out, torch.float16)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("out", type=Path)
    make(arguments.parse_args().out)


if __name__ == "__main__":
    main()
