"""What more recordings bring a voice of the embedded engine, and how a training has to use them: versions of the same
speaker by 45 recordings and by 125, with few steps and many, by themselves and averaged with the first, on lines that
were never trained on. Trainings are the workers' own (`real_workers.py`); only the loss chooses checkpoints.

Speakers are those that may be tried on. Differences to the first version are paired, ± two standard errors.

python -m benchmarks.more_clips [--speakers slt kal-mid] [--lines 40]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import synthesisers
from benchmarks.real_workers import Workshop, known, recorded
from benchmarks.unheard import Measure
from engines.glow.recipe.corpus import Speaker
from engines.metrics.score import Scores

#: Recordings of the first training, all of them, and lines that are held out of both.
FIRST, ALL, HELD_OUT = 45, 125, 12
COMMON: Mapping[str, Any] = {"threads": 1, "spoken_checkpoints": 0, "patience": 0}
#: Of the texts that versions say.
SEED = 4711


@dataclass(frozen=True)
class Way:
    """One training on all recordings."""

    name: str
    steps: int
    share: float = 0.0  #: the first version's in the weights


WAYS = (
    Way("as few steps", 60),
    Way("2 steps a clip", 2 * ALL),
    Way("2 steps a clip, a fifth the first's", 2 * ALL, 0.2),
    Way("2 steps a clip, half the first's", 2 * ALL, 0.5),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    there = {one.name: one for one in synthesisers.TUNING}
    parser.add_argument("--speakers", nargs="+", default=sorted(there), choices=sorted(there))
    parser.add_argument("--lines", type=int, default=40)
    options = parser.parse_args()
    if why := synthesisers.missing():
        print(why, file=sys.stderr)
        return 1
    for name in options.speakers:
        show(there[name], options.lines)
    return 0


def show(speaker: Speaker, lines: int) -> None:
    """The table of one speaker, in comment lines, as it comes."""
    print(f"# {speaker.name}: likeness, WER, DNSMOS on {lines} lines; difference to the first version: likeness, WER")
    with tempfile.TemporaryDirectory(prefix="myna-") as folder:
        home = Path(folder)
        clips = recorded(home, speaker, ALL + HELD_OUT)
        used = {clip.text for clip in clips}
        texts = [text for text in synthesisers.texts(SEED, lines + ALL + HELD_OUT) if text not in used][:lines]
        measure = Measure(home, speaker, texts)
        workshop = Workshop(home, clips[ALL:], clips[:FIRST])
        _row("the recordings", measure.recordings())
        _row("the base", measure.version(None))
        workshop.train(1, clips[:FIRST], {**COMMON, "steps": 60})
        first = measure.version(workshop.version(1))
        _row(f"{FIRST} recordings, 60 steps", first)
        for number, way in enumerate(WAYS, 2):
            told = known(clips[:ALL], FIRST if way.share else 0)
            settings = {**COMMON, "steps": way.steps, **({"parent_share": way.share} if way.share else {})}
            workshop.train(number, told, settings, 1 if way.share else 0)
            _row(f"{ALL} recordings, {way.name}", measure.version(workshop.version(number)), first)


def _row(name: str, scores: Scores, first: Scores | None = None) -> None:
    found = scores.summary
    row = f"#   {name} | {found.similarity or 0:.4f} | {found.wer or 0:.3f} | {found.dnsmos or 0:.2f}"
    if first is not None:
        row += f" | {_difference(scores, first, 'similarity', 4)}, {_difference(scores, first, 'wer', 3)}"
    print(row, flush=True)


def _difference(mine: Scores, theirs: Scores, measure: str, digits: int) -> str:
    """Paired by lines, ± two standard errors."""
    pairs = [(getattr(a, measure), getattr(b, measure)) for a, b in zip(mine.lines, theirs.lines, strict=True)]
    each = np.array([a - b for a, b in pairs if a is not None and b is not None])
    return f"{each.mean():+.{digits}f} ± {2 * each.std(ddof=1) / len(each) ** 0.5:.{digits}f}"


if __name__ == "__main__":
    raise SystemExit(main())
