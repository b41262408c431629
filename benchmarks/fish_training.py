"""Clips a second in training adapters on openaudio-s1-mini of full size, beside a straight loop over the same forward.

fish-speech 0.1.0 has no trainer that runs, so the peer is what somebody would write: adapters on the same matrices by
its own `setup_lora`'s library, a batch of one clip with its prompt, codes made anew for each step, all positions
through the big head, in fp32, and the same under bf16 autocast. Ours is one update of the engine's own losses on cached
features, a prompt for four clips. Each side in a process of its own; the first update is not counted.

    python -m benchmarks.fish_training [--cpu] [--part straight-fp32|straight-bf16|ours]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.bars import tell
from benchmarks.made import fish as made

Clock = Callable[[], float]  #: seconds
PARTS = ("straight-fp32", "straight-bf16", "ours")
#: bars: times the straight loop's clips a second
FP32_BAR, BF16_BAR = 3.0, 1.2
#: Clips of an update of ours, and what a clip is: frames and letters.
CLIPS, FRAMES, LETTERS = 4, 64, 60


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--part", choices=PARTS, default="", help="one side alone; prints JSON")
    parser.add_argument("--cpu", action="store_true", help="CPU seconds of one thread, where others compute beside")
    asked = parser.parse_args()
    part = asked.part
    if asked.cpu:
        torch.set_num_threads(1)
    if part:
        clock = time.process_time if asked.cpu else time.perf_counter
        print(json.dumps(ours(clock) if part == "ours" else straight(clock, bf16=part == "straight-bf16")))
        return
    found = {}
    for name in PARTS:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "benchmarks.fish_training", "--part", name, *["--cpu"] * asked.cpu],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.exit(f"{name}: {(done.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
        found[name] = json.loads(done.stdout.splitlines()[-1])
        print(f"# {name}: {found[name]['clips']:.3f} clips/s, at most {found[name]['memory'] / 1e9:.1f} GB", flush=True)
    for name, bar in (("straight-fp32", FP32_BAR), ("straight-bf16", BF16_BAR)):
        mine, theirs = found["ours"]["clips"], found[name]["clips"]
        measured = f"{mine:.3f} against {theirs:.3f} clips/s: {mine / theirs:.2f} ×"
        tell(f"LoRA bf16 training, {name} loop", measured, f"≥ {bar:g} ×", mine / theirs >= bar)


def clips(count: int) -> list[Any]:
    rng = np.random.default_rng(5)
    return [
        {
            "codes": rng.integers(0, 1_024, (10, FRAMES)).astype(np.int16),
            "text": rng.integers(32, 120, LETTERS).astype(np.int32),
        }
        for _ in range(count)
    ]


def ours(clock: Clock) -> dict[str, float]:
    from engines.base import LoraSettings
    from engines.fish.engine import create

    made.base()
    engine = create()
    model = engine.load(None, training=True)
    optimizer = torch.optim.AdamW(engine.trainable(model, LoraSettings(8, 16)), lr=1e-4)
    batch = engine.collate(clips(CLIPS), clips(1) * CLIPS)

    def update() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            loss = engine.losses(model, batch)["loss"]
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return {"clips": CLIPS / timed(update, 2, clock), "memory": memory()}


def straight(clock: Clock, *, bf16: bool) -> dict[str, float]:
    """One clip with its prompt an update, on the model in fp32, its sound encoded on the way."""
    from engines.base import LoraSettings
    from engines.fish import codec, training
    from engines.fish.engine import create

    base = made.base()
    engine = create()
    model = engine.load(None, training=True)
    model.transformer.float()
    optimizer = torch.optim.AdamW(engine.trainable(model, LoraSettings(8, 16)), lr=1e-4)
    listener = codec.listener(base)
    sound, [clip, heard] = 0.1 * torch.randn(FRAMES * 2_048), clips(2)

    def update() -> None:
        with torch.inference_mode():
            codec.encode(listener, sound)
        batch = engine.collate([clip], [heard])
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            hidden = training.slow(model.transformer, batch["inputs"], batch["groups"])
            logits = training.head(model.transformer, hidden)[batch["places"]].float()
            frames = training.fast(model.transformer, hidden[batch["places"]][batch["spoken"]], batch["codes"]).float()
            loss = torch.nn.functional.cross_entropy(logits, batch["tokens"])
            loss = loss + torch.nn.functional.cross_entropy(frames.flatten(0, 1), batch["codes"].flatten())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return {"clips": 1 / timed(update, 2, clock), "memory": memory()}


def timed(update: Callable[[], None], count: int, clock: Clock) -> float:
    """Seconds of an update, the first not counted."""
    update()
    began = clock()
    for _ in range(count):
        update()
    return (clock() - began) / count


def memory() -> float:
    """Most memory this process ever took, bytes resident."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1_024.0 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))


if __name__ == "__main__":
    main()
