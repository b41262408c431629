"""How a worker's threads wait for each other (`PATIENT` in daemon/processes/launcher_program.py), beside OpenMP's own
way and beside falling asleep at once.

Each way in a process of its own, in one run: a training step of small convolutions and a product of one row with a
matrix in eight bits, alone and with a neighbour that keeps every core busy. Medians of ROUNDS; the slowest stands
beside them, since what spinning costs beside others depends on how the kernel happens to share the cores out.

    python -m benchmarks.thread_waiting
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import torch

from daemon.processes.launcher_program import PATIENT
from engines.autoregressive import projections

#: ways to wait, by what they set in the environment
WAYS = {"ours": PATIENT, "OpenMP's": {}, "asleep at once": {"OMP_WAIT_POLICY": "PASSIVE"}}
ROUNDS = 3
SECONDS = 1.5
#: bars: of a step beside busy cores against OpenMP's own way; of a small product alone against falling asleep at once
BUSY_BAR, ALONE_BAR = 1.0, 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--measure", action="store_true", help="one way, this process's own; prints JSON")
    if parser.parse_args().measure:
        print(json.dumps(measure()))
        return
    alone, busy = rounds(0), rounds(os.cpu_count() or 1)
    for when, found in (("alone", alone), ("beside busy cores", busy)):
        for way, (steps, products) in found.items():
            step, product, slowest = statistics.median(steps), statistics.median(products), max(steps)
            print(
                f"# {when}, {way}: a step {step * 1e3:.1f} ms (at most {slowest * 1e3:.1f}), a "
                f"product {product * 1e6:.0f} µs"
            )
    tell("training step beside busy cores", busy["ours"][0], busy["OpenMP's"][0], BUSY_BAR, "OpenMP's own waiting")
    tell("small product, alone", alone["ours"][1], alone["asleep at once"][1], ALONE_BAR, "falling asleep at once")


def tell(name: str, ours: Sequence[float], other: Sequence[float], bar: float, way: str) -> None:
    mine, theirs = statistics.median(ours), statistics.median(other)
    verdict = "holds" if mine <= bar * theirs else "falls short"
    print(
        f"{name} · {mine * 1e3:.3g} against {theirs * 1e3:.3g} ms: {mine / theirs:.2f} × · "
        f"≤ {bar:g} × {way} · {verdict}",
        flush=True,
    )


def rounds(neighbours: int) -> dict[str, tuple[list[float], list[float]]]:
    """Seconds of a step, and of a product, by way; one of each a round."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(neighbours)]
    found: dict[str, tuple[list[float], list[float]]] = {way: ([], []) for way in WAYS}
    try:
        for _ in range(ROUNDS):
            for way, setting in WAYS.items():
                step, product = in_a_process(setting)
                found[way][0].append(step)
                found[way][1].append(product)
    finally:
        for one in busy:
            one.kill()
            one.wait()
    return found


def in_a_process(setting: dict[str, str]) -> tuple[float, float]:
    environment = {name: value for name, value in os.environ.items() if name not in PATIENT} | setting
    command = [sys.executable, "-m", "benchmarks.thread_waiting", "--measure"]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    step, product = json.loads(told)
    return step, product


def measure() -> tuple[float, float]:
    torch.manual_seed(0)
    layers = [layer for _ in range(8) for layer in (torch.nn.Conv1d(96, 96, 5, padding=2), torch.nn.ReLU())]
    network, batch = torch.nn.Sequential(*layers), torch.randn(12, 96, 200)
    step = timed(lambda: network(batch).square().mean().backward())
    matrix, row, bias = projections.reduce(torch.randn(1_024, 1_024)), torch.randn(1, 1_024), torch.zeros(1_024)
    with torch.inference_mode():
        return step, timed(lambda: matrix(row, bias))


def timed(act: Callable[[], object]) -> float:
    """Seconds that it takes, on average over some SECONDS."""
    for _ in range(3):
        act()
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS:
        act()
        count += 1
    return (time.perf_counter() - began) / count


if __name__ == "__main__":
    main()
