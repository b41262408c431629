"""XTTS-v2 of full size on a GPU, beside stock coqui-tts on the same one: training by adapters and whole, speaking,
first sound.

Same clips, same text, same random weights; each side in a process of its own, alone on the card. Coqui trains as its
`GPTTrainer` does, in fp32 and under bf16 autocast, in batches of 3 and of our size, and the quickest of those that the
card's memory holds counts. It streams with its own chunk of 20 codes and with 6, and the sooner counts. What the card
was doing is what NVML tells, ten times a second, of the steps that count. Ours also speaks without its fast paths
(MYNA_FAST_PATHS=off), which shows what recorded graphs are worth.

Where there is no GPU it says so and measures nothing. `--device cpu --size tiny` goes the same way on a CPU, to see
that it works: its figures say nothing.

    python -m benchmarks.gpu_xtts [--device cpu --size tiny] [--steps 20] [--codes 100]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable

import torch

from benchmarks import gpu_speaking, gpu_training
from benchmarks.bars import tell
from benchmarks.gpu_sides import Asked
from engines.fast_paths.card import SWITCH

#: Times as quick as coqui-tts; part of the time that the card is busy in a training; seconds to the first sound.
RATIO_BAR, BUSY_BAR, FIRST_BAR = 3.0, 0.95, 0.2

Figures = dict[str, float]
PARTS: dict[str, Callable[[Asked], Figures]] = {
    "coqui-fp32-3": lambda asked: gpu_training.coqui(asked, bf16=False, batch=3),
    "coqui-bf16-3": lambda asked: gpu_training.coqui(asked, bf16=True, batch=3),
    "coqui-fp32-12": lambda asked: gpu_training.coqui(asked, bf16=False, batch=gpu_training.BATCH),
    "coqui-bf16-12": lambda asked: gpu_training.coqui(asked, bf16=True, batch=gpu_training.BATCH),
    "lora": lambda asked: gpu_training.ours(asked, adapters=True),
    "full": lambda asked: gpu_training.ours(asked, adapters=False),
    "stock": gpu_speaking.stock,
    "ours": gpu_speaking.ours,
    "plain": gpu_speaking.ours,
}
#: What a card's memory need not hold.
MAY_FAIL = ("coqui-fp32-12", "coqui-bf16-12")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--size", choices=("full", "tiny"), default="full")
    parser.add_argument("--steps", type=int, default=20, help="training steps that count")
    parser.add_argument("--codes", type=int, default=100, help="codes of a sentence")
    parser.add_argument("--part", choices=PARTS, default="", help="one side alone; prints JSON")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("There is no GPU here that torch can use: nothing was measured.")
    asked = Asked(options.device, options.size, options.steps, options.codes)
    if options.part:
        print(json.dumps(PARTS[options.part](asked)))
        return
    found: dict[str, Figures] = {}
    for part in PARTS:
        figures, trouble = _measured(part, asked)
        if trouble and part not in MAY_FAIL:
            sys.exit(f"{part}: {trouble}")
        told = " · ".join(f"{name} {value:.4g}" for name, value in figures.items())
        print(f"# {part}: {told or f'could not be measured: {trouble}'}", flush=True)
        found |= {part: figures} if figures else {}
    _training(found)
    _speaking(found)


def _measured(part: str, asked: Asked) -> tuple[Figures, str]:
    """One side in a process of its own; why it could not, if so."""
    command = [sys.executable, "-m", "benchmarks.gpu_xtts", "--part", part, *asked.arguments()]
    environment = {**os.environ, **({SWITCH: "off"} if part == "plain" else {})}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        return {}, (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures, ""


def _training(found: dict[str, Figures]) -> None:
    name, theirs = max(
        ((part, figures) for part, figures in found.items() if part.startswith("coqui")),
        key=lambda one: one[1]["audio_per_second"],
    )
    for part, title in (("lora", "LoRA bf16"), ("full", "full bf16")):
        ours = found[part]
        ratio = ours["audio_per_second"] / theirs["audio_per_second"]
        measured = f"{ours['audio_per_second']:.1f} against {theirs['audio_per_second']:.1f} ({name}): {ratio:.2f} ×"
        memory = f"{ours['memory_bytes'] / 1e9:.1f} against {theirs['memory_bytes'] / 1e9:.1f} GB"
        bar = f"≥ {RATIO_BAR:g} × GPTTrainer at its best"
        tell(f"{title} training on a GPU, seconds of audio a second", f"{measured}, {memory}", bar, ratio >= RATIO_BAR)
        busy, their_busy = ours["busy_share"], theirs["busy_share"]
        tell(
            f"GPU busy in {title} training",
            f"{busy:.0%} against {their_busy:.0%}",
            f"≥ {BUSY_BAR:.0%}",
            busy >= BUSY_BAR,
        )


def _speaking(found: dict[str, Figures]) -> None:
    stock, ours, plain = (found[part] for part in ("stock", "ours", "plain"))
    for way in ("fp32", "fast"):
        ratio = stock["whole_seconds"] / ours[f"{way}_seconds"]
        measured = f"{ours[f'{way}_seconds']:.3f} s against {stock['whole_seconds']:.3f} s: {ratio:.2f} ×"
        tell(f"speaking on a GPU, {way}", measured, f"≥ {RATIO_BAR:g} × coqui-tts", ratio >= RATIO_BAR)
    first = ours["fp32_first_seconds"]
    theirs = min(stock["first_seconds_20"], stock["first_seconds_6"])
    measured = f"{first:.3f} s against {theirs:.3f} s"
    tell("first sound on a GPU, fp32", measured, f"≤ {FIRST_BAR:g} s", first <= FIRST_BAR)
    print(
        f"# recorded graphs: {plain['fp32_seconds'] / ours['fp32_seconds']:.2f} × as quick as without, "
        f"{plain['fast_seconds'] / ours['fast_seconds']:.2f} × in the fast setting; real time takes "
        f"{ours['sound_seconds'] / ours['fp32_seconds']:.1f} times as long as ours, "
        f"{stock['sound_seconds'] / stock['whole_seconds']:.1f} times as long as stock"
    )


if __name__ == "__main__":
    main()
