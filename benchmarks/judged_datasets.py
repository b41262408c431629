"""Does judging clips make a better voice? Of a voice's recordings half are spoilt by the planted defects; the embedded
engine is trained on the clips that judging keeps, and on all of them, with its default settings, and Myna's own verdict
says which of the two versions is better. Cutting, judging, training and evaluating are the jobs' own
(`real_workers.py`).

Limits were chosen on none of these voices, though how bandwidth and reverberation are measured was worked out on
recordings of two of the speakers that they are made from (rms, awb). The held-out lines are clean, and not judged.

Both are trained for as many steps (60, up to 60 clips), so that of half as many clips each is seen twice as often.

python -m benchmarks.judged_datasets [--voices 3] [--voice rms-deep …] [--each 3] [--tuning] [--processes 2]
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar
from zlib import crc32

import numpy as np
import soxr
import torch

from benchmarks import bars, synthesisers
from benchmarks import planted_recordings as planted
from benchmarks.made_corpus import RATE, Samples
from benchmarks.planted_recordings import DEFECTS, Judged, Planted
from benchmarks.real_workers import ENGINE, Judgement, Workshop, clip
from engines.cutting.clips import CutClip
from engines.errors import EngineError
from engines.glow.recipe.corpus import SAMPLE_RATE, Speaker
from engines.judging.limits import Limits
from engines.metrics.gate import Outcome
from proto import worker_pb2 as wire

Result = TypeVar("Result")
#: (who speaks, a stranger). Neither the limits nor the verdict were tried on them, and no base heard who speaks.
REPORTING = (
    (Speaker("rms-deep", "flite", "rms", 0, warp=0.9), Speaker("awb", "flite", "awb", 0)),
    (Speaker("awb-young", "flite", "awb", 0, warp=1.09), Speaker("rms", "flite", "rms", 0)),
    (Speaker("kal-deep", "flite", "kal16", 0, warp=0.93), Speaker("awb", "flite", "awb", 0)),
)
#: The same for trying.
TUNING = ((Speaker("slt", "flite", "slt", 0), Speaker("rms", "flite", "rms", 0)),)
#: Spoilt recordings of each kind, how many kinds there are, and lines held out. There are as many clean ones as spoilt.
EACH, KINDS, HELD_OUT = 3, len(DEFECTS) + 3, 6
#: Numbers of the versions.
ALL, KEPT = 1, 2


@dataclass(frozen=True)
class Prepared:
    """A voice's recordings, cut and judged."""

    every: Sequence[wire.ClipRef]
    kept: Sequence[wire.ClipRef]  #: of these
    held_out: Sequence[wire.ClipRef]
    found: str  #: what judging found, for people


@dataclass(frozen=True)
class Told:
    """What came of one voice."""

    voice: str
    outcome: str  #: of the version trained on what is kept, against the one trained on all
    lines: Sequence[str]  #: in detail
    seconds: float  #: CPU


@dataclass(frozen=True)
class _Reader:
    """A speaker, at the rate of planted recordings."""

    speaker: Speaker

    def say(self, text: str) -> Samples:
        quiet = np.zeros(RATE // 4, np.float32)
        sound = soxr.resample(synthesisers.said(self.speaker, text), SAMPLE_RATE, RATE)
        return np.concatenate([quiet, np.asarray(sound, np.float32), quiet])


def recordings(speaker: Speaker, stranger: Speaker, each: int = EACH) -> tuple[list[Planted], list[Planted]]:
    """(what the voice has, half of it spoilt; clean lines that are held out). `each`: spoilt ones of each kind."""
    seed, count = crc32(speaker.name.encode()), each * KINDS
    lines = iter(synthesisers.texts(seed, 2 * count + HELD_OUT))
    seeds = itertools.count(seed)
    reader = _Reader(speaker)
    clean = list(_clean(reader, lines, seeds, count + HELD_OUT))
    spoilt = [
        *planted.with_defects(reader, lines, seeds, each, 0),
        *planted.of_stranger(_Reader(stranger), lines, seeds, each),
        *planted.with_other_texts(reader, lines, seeds, each),
        *planted.with_half_texts(reader, lines, seeds, each),
    ]
    return [*clean[:count], *spoilt], clean[count:]


def _clean(reader: _Reader, lines: Iterator[str], seeds: Iterator[int], count: int) -> Iterator[Planted]:
    for _ in range(count):
        text = next(lines)
        yield Planted("", planted.recorded(reader.say(text), next(seeds)), text, hear=True)


def prepared(speaker: Speaker, stranger: Speaker, each: int, home: Path) -> Prepared:
    """Make a voice's recordings, cut and judge them; the files are in `home`."""
    having, held_out = recordings(speaker, stranger, each)
    cut = planted.cut([*having, *held_out], ENGINE, home)
    found = planted.judged(cut[: len(having)], ENGINE, Limits())
    had = [(ref, one.reason) for of in found for one in of if (ref := _ref(one.clip)) is not None]
    return Prepared(
        [ref for ref, _ in had],
        [ref for ref, reason in had if reason is None],
        [ref for of in cut[len(having) :] for one in of if (ref := _ref(one)) is not None],
        found_in_words(having, found),
    )


def trained(number: int, clips: Sequence[wire.ClipRef], of: Prepared, home: Path) -> str:
    """Train a version. Empty, or why no version came of it."""
    try:
        made = Workshop(home, of.held_out, of.kept).train(number, clips, {"threads": 1})
    except EngineError as error:
        return str(error)
    return "" if made.step else "The training gained nothing."


def judgement(of: Prepared, home: Path) -> Judgement:
    """The verdict on the version trained on what is kept, against the one trained on all."""
    return Workshop(home, of.held_out, of.kept).judge(KEPT, ALL)


def _timed(act: Callable[..., Result], *given: object) -> tuple[Result, float]:
    """(what it gives, CPU seconds), in a process of the pool: each has one thread."""
    torch.set_num_threads(1)
    began = bars.cpu_seconds()
    return act(*given), bars.cpu_seconds() - began


def trial(pool: Executor, each: int, speaker: Speaker, stranger: Speaker) -> Told:
    """Train both versions of one voice in processes of the pool, and judge them."""
    with tempfile.TemporaryDirectory(prefix="myna-") as place:
        home = Path(place)
        of, seconds = pool.submit(_timed, prepared, speaker, stranger, each, home).result()
        lines = [of.found]
        sets = ((ALL, of.every), (KEPT, of.kept))
        trainings = [pool.submit(_timed, trained, number, clips, of, home) for number, clips in sets]
        made = [one.result() for one in trainings]
        seconds += sum(spent for _, spent in made)
        if why := [told for told, _ in made if told]:
            return Told(speaker.name, f"no version: {why[0]}", lines, seconds)
        found, spent = pool.submit(_timed, judgement, of, home).result()
    for side, name in (("candidate", "trained on what is kept"), ("parent", "trained on all")):
        measured = ((key, found.summaries[side][key]) for key in ("similarity", "wer", "dnsmos"))
        numbers = ", ".join(f"{key} {'–' if value is None else f'{value:.3f}'}" for key, value in measured)
        lines.append(f"{name}: {numbers}")
    lines.append(" ".join(found.sentences))
    return Told(speaker.name, found.outcome, lines, seconds + spent)


def _ref(one: CutClip) -> wire.ClipRef | None:
    """A clip as a training is told of it; None where there is nothing to hear or no text."""
    return clip(one.path, one.text, one.seconds) if one.path and one.text else None


def found_in_words(having: Sequence[Planted], found: Sequence[Sequence[Judged]]) -> str:
    """What judging found of the recordings; a recording is dropped where any of its clips is."""
    every, dropped = Counter(one.defect for one in having), Counter[str]()
    for one, clips in zip(having, found, strict=True):
        dropped[one.defect] += any(judged.reason for judged in clips)
    clean, lost = every.pop("", 0), dropped.pop("", 0)
    kept = ", ".join(f"{count} {defect}" for defect, count in (every - dropped).items())
    told = f"{dropped.total()} of {every.total()} spoilt recordings and {lost} of {clean} clean ones are dropped"
    return told + (f"; spoilt and kept: {kept}" if kept else "")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--voices", type=int, default=len(REPORTING))
    parser.add_argument(
        "--voice",
        action="append",
        choices=[who.name for who, _ in REPORTING],
        help="only this one; more than once: these",
    )
    parser.add_argument("--each", type=int, default=EACH, help="spoilt recordings of each kind")
    parser.add_argument("--tuning", action="store_true", help="a voice for trying, instead of those of the figures")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    if why := synthesisers.missing():
        print(why, file=sys.stderr)
        return 1
    pairs = (TUNING if options.tuning else REPORTING)[: options.voices]
    if options.voice:
        pairs = tuple(pair for pair in REPORTING if pair[0].name in options.voice)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.processes, context) as pool, ThreadPoolExecutor(len(pairs)) as voices:
        told = []
        for one in voices.map(partial(trial, pool, options.each), *zip(*pairs, strict=True)):
            told.append(one)
            for line in one.lines:
                print(f"# {one.voice}: {line}")
            print(f"# {one.voice}: {one.outcome}; {one.seconds / 60:.1f} CPU minutes", flush=True)
    better = sum(one.outcome == Outcome.BETTER for one in told)
    name = "half of the recordings spoilt: judged against unjudged is called better"
    bars.tell(name, f"{better} of {len(told)} voices", "all, of ≥ 3", better == len(told) >= 3)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
