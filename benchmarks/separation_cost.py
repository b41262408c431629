"""What taking music out of recordings costs: CPU seconds for a second of sound on one core, and memory, by the model
of the published size with random weights, of which neither depends; rounds and lengths in turn. How well it works is
not told: the published weights are not here.

python -m benchmarks.separation_cost [--rounds 3]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from engines import coqui, separators
from engines.audio import separation

RATE = 22_050
#: Seconds of recordings.
LENGTHS = (30, 90)


def built(weights: Path) -> None:
    """The model's file, with random weights."""
    coqui.prepare()
    from torchaudio.models import hdemucs_high

    place = separators.folder("hdemucs", weights)
    place.mkdir(parents=True)
    torch.manual_seed(0)
    torch.save(hdemucs_high(list(separation.SOURCES)).state_dict(), place / separators.PUBLISHED["hdemucs"].file.name)


def separated(weights: Path, seconds: int) -> float:
    """CPU seconds for a second of noise."""
    made = separation.separation("hdemucs", RATE, weights)
    assert made is not None
    clean, random = made(), np.random.default_rng(0)
    began = time.process_time()
    for _ in range(seconds):
        clean.clean(random.normal(0, 0.1, RATE).astype(np.float32))
    clean.clean(np.zeros(0, np.float32), last=True)
    return (time.process_time() - began) / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder)
        built(weights)
        separated(weights, 1)  # it is loaded, and memory is had
        took: dict[int, list[float]] = {length: [] for length in LENGTHS}
        for _ in range(rounds):
            for length in LENGTHS:
                took[length].append(separated(weights, length))
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                print(f"{length} s: {took[length][-1]:.2f} CPU s for a second of sound; {peak:,.0f} MiB at most so far")
    for length, each in took.items():
        print(f"{length} s: {statistics.median(each):.2f} ({min(each):.2f} to {max(each):.2f})")


if __name__ == "__main__":
    main()
