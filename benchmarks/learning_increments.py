"""Three increments on a voice, one after the other, without and with the rival from the base that competes with the
chain after `rival_every` trainings: likeness and word errors after each, on the held-out lines. The train and evaluate
workers are Myna's own (`real_workers.py`); speakers are ones that the base never heard.

python -m benchmarks.learning_increments [--speakers 1] [--tuning]
python -m benchmarks.learning_increments --ways    what rate, steps and old clips do, on speakers for trying
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from benchmarks import increment_ways, synthesisers
from benchmarks.planted_training import SETTINGS
from benchmarks.real_workers import Judgement, Workshop, known, recorded
from engines.glow.recipe.corpus import Speaker
from engines.metrics.gate import Outcome

#: Clips of the first training and of each increment, and lines held out.
PARTS, HELD_OUT = (16, 8, 8, 8), 6


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--speakers", type=int, default=1)
    parser.add_argument("--tuning", action="store_true", help="speakers for trying, not those of the figures")
    parser.add_argument("--ways", action="store_true", help="the table of ways to go on (`increment_ways.py`), no bar")
    options = parser.parse_args()
    if why := synthesisers.missing():
        print(why, file=sys.stderr)
        return 1
    torch.set_num_threads(2)
    if options.ways:
        for speaker in synthesisers.TUNING[: options.speakers]:
            increment_ways.show(speaker)
        return 0
    speakers = (synthesisers.TUNING if options.tuning else synthesisers.REPORTING)[: options.speakers]
    began = time.monotonic()
    gains = [_speaker(speaker) for speaker in speakers]
    said = ", ".join(f"{likeness:+.3f} and {words:+.3f}" for likeness, words in gains)
    holds = all(likeness >= 0 and words <= 0 for likeness, words in gains)
    print(
        f"increments: with the rival against without, likeness and WER · {said} · likeness no lower, WER no higher · "
        f"{'holds' if holds else 'falls short'}"
    )
    print(f"# {len(speakers)} speakers in {(time.monotonic() - began) / 60:.0f} min")
    return 0


def _speaker(speaker: Speaker) -> tuple[float, float]:
    """(likeness, word errors) of what speaks at the end with the rival, less those without it."""
    with tempfile.TemporaryDirectory(prefix="myna-") as folder:
        home = Path(folder)
        clips = recorded(home, speaker, sum(PARTS) + HELD_OUT)
        workshop = Workshop(home, clips[sum(PARTS) :], clips[: PARTS[0]])
        print(f"# {speaker.name}: what is trained · verdict · likeness and WER of it, then of what speaks after")
        speaks, trained, numbers = 0, 0, dict[str, float]()
        for number, count in enumerate(PARTS, 1):
            have = sum(PARTS[:number])
            made = workshop.train(number, known(clips[:have], trained), SETTINGS, speaks)
            name = f"version {number}, +{count} clips"
            speaks, numbers = _verdict(workshop, made.step, number, speaks, numbers, name)
            trained = have if speaks == number else trained
        chain = numbers
        rival = len(PARTS) + 1
        made = workshop.train(rival, known(clips[: sum(PARTS)], 0), SETTINGS)
        name = f"the rival, {sum(PARTS)} clips from the base"
        _, numbers = _verdict(workshop, made.step, rival, speaks, numbers, name)
        return numbers["similarity"] - chain["similarity"], numbers["wer"] - chain["wer"]


def _verdict(
    workshop: Workshop, step: int, number: int, speaks: int, numbers: Mapping[str, float], name: str
) -> tuple[int, dict[str, float]]:
    """(what speaks after a training, its numbers)."""
    if not step:
        print(f"#   {name} · it gained nothing", flush=True)
        return speaks, dict(numbers)
    found = workshop.judge(number, speaks)
    mine, theirs = _numbers(found, "candidate"), _numbers(found, "parent")
    better = found.outcome == Outcome.BETTER
    after = mine if better else theirs
    print(
        f"#   {name} · {found.outcome} · {mine['similarity']:.3f} {mine['wer']:.3f} · "
        f"{after['similarity']:.3f} {after['wer']:.3f}",
        flush=True,
    )
    return (number if better else speaks), after


def _numbers(found: Judgement, side: str) -> dict[str, float]:
    values: Mapping[str, Any] = found.summaries[side]
    return {name: float(values[name] or 0.0) for name in ("similarity", "wer")}


if __name__ == "__main__":
    raise SystemExit(main())
