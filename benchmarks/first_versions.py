"""The first version of a voice, at default settings and by no hand: 45 recordings each by speakers that the embedded
engine's base never heard (`synthesisers.py`). A train worker's own work (`real_workers.py`) makes the version; then it
says lines that were never among the recordings, and is held against recordings of them.

python -m benchmarks.first_versions [--speakers slt-low rms-deep] [--recordings 45] [--tuning] [--set steps=90]
python -m benchmarks.first_versions --parts     what a version's own bands and vocoder bring, by the same weights
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import bars, synthesisers
from benchmarks.real_workers import Workshop, recorded
from benchmarks.unheard import Measure, times, way
from engines.glow import bands, vocoder
from engines.glow.model import base_dir
from engines.glow.recipe.corpus import Speaker
from engines.metrics.score import Scores

#: Lines that the figures are of, none of them among the recordings.
LINES = 12
#: Of so many recordings one is held out, as mynad holds out.
HELD_OUT = 10
WORDS, WAY = 1.4, 0.6  #: word errors, times the recordings'; of the way from base to recordings in likeness
#: Of training and choosing a checkpoint, on two cores; what comes before (cutting, the dataset) is in `demo.py`'s bar
#: from the last recording's arrival.
MINUTES = 3.0
MEGABYTES = 20.0  #: all files of the base
#: What a version has besides its weights, by what it is told as.
PARTS = {
    "neither bands nor vocoder": (),
    "bands": (bands.FILE,),
    "vocoder": (vocoder.WEIGHTS, vocoder.SETTINGS),
}


@dataclass(frozen=True)
class First:
    """What came of one speaker's recordings."""

    speaker: str
    recordings: Scores
    copied: Scores  #: the recordings, through the base's vocoder
    base: Scores
    version: Scores
    seconds: float  #: from the recordings to the version
    cpu_seconds: float  #: the same, of processors
    parts: Mapping[str, Scores] = field(default_factory=dict)  #: of its weights with these; empty unless asked for


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    known = {
        one.name: one
        for one in (*synthesisers.TUNING, *synthesisers.FURTHER, synthesisers.OTHER, *synthesisers.REPORTING)
    }
    parser.add_argument("--speakers", nargs="+", default=[], choices=sorted(known), help="these")
    parser.add_argument("--recordings", type=int, default=45)
    parser.add_argument("--tuning", action="store_true", help="speakers for trying, not those of the figures")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a training setting, to try it"
    )
    parser.add_argument("--parts", action="store_true", help="the version without its own bands and vocoder, too")
    options = parser.parse_args()
    if why := synthesisers.missing():
        print(why, file=sys.stderr)
        return 1
    settings = {name: json.loads(value) for name, value in (one.split("=", 1) for one in options.set)}
    found = []
    usual = synthesisers.TUNING if options.tuning else synthesisers.REPORTING
    for speaker in [known[name] for name in options.speakers] or usual:
        found.append(first(speaker, options.recordings, settings, options.parts))
        show(found[-1])
    tell(found, sum(path.stat().st_size for path in base_dir().iterdir()) / 1e6)
    return 0


def first(speaker: Speaker, count: int, settings: Mapping[str, Any], parts: bool = False) -> First:
    """Train a speaker's first version, and let it speak. Raises EngineError when the training fails."""
    with tempfile.TemporaryDirectory(prefix="myna-") as folder:
        home = Path(folder)
        clips = recorded(home, speaker, count + LINES)
        measure = Measure(home, speaker, [one.text for one in clips[count:]])
        clips = clips[:count]
        workshop = Workshop(home, clips[::HELD_OUT], clips)
        began, spent = time.monotonic(), bars.cpu_seconds()
        workshop.train(1, [one for number, one in enumerate(clips) if number % HELD_OUT], settings)
        seconds, cpu = time.monotonic() - began, bars.cpu_seconds() - spent
        made = workshop.version(1) if workshop.made[1].step else None
        sides = measure.recordings(), measure.copied(), measure.version(None), measure.version(made)
        apart = _parts(home, measure, made) if parts and made is not None else {}
        return First(speaker.name, *sides, seconds, cpu, apart)


def _parts(home: Path, measure: Measure, version: Path) -> dict[str, Scores]:
    """Of a version's weights without what else is its own, and with a part of that."""
    found = {}
    for name, files in PARTS.items():
        folder = home / "parts" / name
        shutil.copytree(version, folder)
        for file in {one for some in PARTS.values() for one in some} - set(files):
            (folder / file).unlink(missing_ok=True)
        found[name] = measure.version(folder)
    return found


def show(one: First) -> None:
    """A speaker's figures, in a comment line."""
    sides = (one.recordings.summary, one.base.summary, one.version.summary)
    words, likeness, quality = (
        " → ".join(f"{getattr(side, name) or 0:.{digits}f}" for side in sides)
        for name, digits in (("wer", 3), ("similarity", 3), ("dnsmos", 2))
    )
    print(
        f"# {one.speaker}: recordings → base → version: WER {words}, likeness {likeness}, DNSMOS {quality}; "
        f"× {times(sides[0], sides[2]):.2f}, {way(sides[1], sides[0], sides[2]):.0%} of the way; "
        f"{one.seconds:.0f} s, {one.cpu_seconds:.0f} s of processors",
        flush=True,
    )
    copied = one.copied.summary
    print(
        f"#   the recordings through the base's vocoder: WER {copied.wer or 0:.3f}, likeness "
        f"{copied.similarity or 0:.3f}, DNSMOS {copied.dnsmos or 0:.2f}",
        flush=True,
    )
    for name, scores in one.parts.items():
        said, off = scores.summary, _difference(one.version, scores)
        print(
            f"#   of its own, {name}: WER {said.wer or 0:.3f}, likeness {said.similarity or 0:.3f}, DNSMOS "
            f"{said.dnsmos or 0:.2f}; the version's likeness less that {off}",
            flush=True,
        )


def _difference(version: Scores, other: Scores) -> str:
    """In likeness, line by line, with twice its standard error."""
    pairs = zip(version.lines, other.lines, strict=True)
    off = [(mine.similarity or 0.0) - (theirs.similarity or 0.0) for mine, theirs in pairs]
    return f"{statistics.mean(off):+.3f} ± {2 * statistics.stdev(off) / len(off) ** 0.5:.3f}"


def tell(found: list[First], megabytes: float) -> None:
    """The bars."""
    words = [times(one.recordings.summary, one.version.summary) for one in found]
    ways = [way(one.base.summary, one.recordings.summary, one.version.summary) for one in found]
    slowest = max(one.seconds for one in found) / 60
    said = ", ".join(f"× {one:.2f}" for one in words)
    bars.tell("first version: WER beside the recordings'", said, f"≤ × {WORDS:g} each", max(words) <= WORDS)
    said = ", ".join(f"{one:.0%}" for one in ways)
    bars.tell("first version: way to the recordings' likeness", said, f"≥ {WAY:.0%} each", min(ways) >= WAY)
    bars.tell("first version: minutes to train it", f"{slowest:.1f}", f"≤ {MINUTES:g}", slowest <= MINUTES)
    bars.tell("first version: the base's files", f"{megabytes:.1f} MB", f"≤ {MEGABYTES:g} MB", megabytes <= MEGABYTES)


if __name__ == "__main__":
    raise SystemExit(main())
