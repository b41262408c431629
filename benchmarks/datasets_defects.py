"""Are bad clips found, and good ones kept? Recordings of synthetic voices with planted defects go the whole way of a
recording, cut, measured and judged, and what each verdict is, is held against what was planted.

Limits were chosen on recordings of the tuning half (of slt and english); the figures are of the other half's, on which
none was tried. Its voices are not all new, though: how bandwidth and reverberation are measured was worked out on other
recordings of rms, awb and glow 6, among others. A recogniser is only asked about text, on the voices it follows.

python -m benchmarks.datasets_defects [--half tuning] [--processes 2]
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import bars
from benchmarks import planted_recordings as planting
from benchmarks.made_corpus import Voice, over_music, overlapped, texts, with_noise
from benchmarks.planted_recordings import DEFECTS, Planted, recorded
from engines.judging.limits import Limits
from engines.judging.reasons import Reason
from engines.judging.voice import usual_overlap

#: Whose clips they are made as.
ENGINE = "xtts"
#: Clean clips of a voice, and clips of each defect.
CLEAN, EACH = 64, 5
#: (voices of the half, the first is who speaks and the second a stranger); the recogniser follows those by flite.
HALVES: dict[str, tuple[tuple[Voice, Voice], ...]] = {
    "tuning": (
        (Voice("slt", "flite", "slt"), Voice("rms", "flite", "rms")),
        (Voice("english", "espeak-ng", "en-us"), Voice("slt", "flite", "slt")),
        (Voice("glow 3", "glow", "3"), Voice("glow 0", "glow", "0")),
    ),
    "kept": (
        (Voice("rms", "flite", "rms"), Voice("awb", "flite", "awb")),
        (Voice("scottish", "espeak-ng", "en-gb-scotland"), Voice("kal16", "flite", "kal16")),
        (Voice("glow 6", "glow", "6"), Voice("glow 1", "glow", "1")),
    ),
}


#: Another one who speaks at once: by how many dB quieter each is, and in how much of the recording, at its end.
OVERLAP = "somebody else at once, 0 to 6 dB quieter"
QUIETER, PARTS = (6.0, 4.5, 3.0, 1.5, 0.0), (1.0, 0.6)
#: What is planted, and by which reasons each is named.
NAMES: dict[str, frozenset[Reason]] = planting.NAMES | {
    "music, 12 dB quieter": frozenset({Reason.MUSIC}),
    "the same again": frozenset({Reason.DUPLICATE}),
    "the same again, other level and noise": frozenset({Reason.NEAR_DUPLICATE}),
}


def plants(speaker: Voice, stranger: Voice, seed: int) -> list[Planted]:
    """A voice's recordings: most are clean."""
    heard = speaker.program == "flite"
    lines = iter(texts(CLEAN + (len(DEFECTS) + 4) * EACH, seed))
    other_texts = texts(EACH, seed + 50)
    seeds = itertools.count(seed * 10_000)
    clean = [(text, recorded(speaker.say(text), next(seeds))) for text in itertools.islice(lines, CLEAN)]
    found = [Planted("", sound, text, hear=heard and n % 2 == 0) for n, (text, sound) in enumerate(clean)]
    found += planting.with_defects(speaker, lines, seeds, EACH, seed)
    found += planting.of_stranger(stranger, lines, seeds, EACH)
    others = planting.with_other_texts(speaker, lines, seeds, EACH)
    found += others if heard else []  # without a recogniser a text of the same length cannot be told from the right one
    found += planting.with_half_texts(speaker, lines, seeds, EACH)
    for n, text in enumerate(itertools.islice(lines, EACH)):
        sound = next(seeds)
        said = recorded(speaker.say(text), sound)
        below, part = QUIETER[n % len(QUIETER)], PARTS[n % len(PARTS)]
        found.append(Planted(OVERLAP, overlapped(said, stranger.say(other_texts[n]), below, part), text))
        found.append(Planted("music, 12 dB quieter", over_music(said, 12, sound), text))
    for n in range(EACH):
        text, said = clean[n]
        found.append(Planted("the same again", said, text))
        text, said = clean[n + EACH]
        again = with_noise(said, 30, next(seeds))
        found.append(Planted("the same again, other level and noise", (again * 0.7).astype(np.float32), text))
    return found


#: Nothing is dropped for it by default, only doubted: what is found of it is found by others. Told, and in no figure.
NOT_JUDGED = (OVERLAP,)
BESIDE = " (not judged)"
#: Shares of clean recordings, taken for two, for which it is told how many of two are found.
TAKEN_FOR_TWO = (0.01, 0.02, 0.05)


@dataclass(frozen=True)
class Judged:
    """What became of a planted recording."""

    voice: str
    defect: str
    reasons: tuple[Reason, ...]  #: of its clips; empty: all are kept
    overlap: float  #: `overlap_share` of its clips, the greatest, above what is usual of the voice


def trial(speaker: Voice, stranger: Voice, seed: int, limits: Limits) -> tuple[list[Judged], float]:
    """(one voice's recordings, CPU seconds). Each is cut, measured and heard once."""
    began = bars.cpu_seconds()
    planted = plants(speaker, stranger, seed)
    with tempfile.TemporaryDirectory(prefix="myna-") as folder:
        found = planting.judged(planting.cut(planted, ENGINE, Path(folder)), ENGINE, limits)
    return became(speaker.name, planted, found), bars.cpu_seconds() - began


def became(voice: str, planted: Sequence[Planted], found: Sequence[Sequence[planting.Judged]]) -> list[Judged]:
    """What became of a voice's recordings."""
    usual = usual_overlap([planting.beside(0, one.clip) for clips in found for one in clips if one.reason is None])
    return [
        Judged(
            voice,
            one.defect,
            tuple(clip.reason for clip in clips if clip.reason is not None),
            max((clip.clip.quality.overlap_share or 0.0 for clip in clips), default=0.0) - usual,
        )
        for one, clips in zip(planted, found, strict=True)
    ]


def report(judged: Sequence[Judged], limits: Limits) -> None:
    """The table and the bars."""
    print("# defect · clips · found · named right · as")
    bad = [one for one in judged if one.defect in NAMES]
    for defect, names in {**NAMES, **dict.fromkeys(NOT_JUDGED, frozenset[Reason]())}.items():
        of = [one for one in judged if one.defect == defect]
        found = [one for one in of if one.reasons]
        right = [one for one in found if names & set(one.reasons)]
        counts = Counter(reason for one in of for reason in one.reasons).most_common()
        shares = " · ".join(f"{len(some) / max(len(of), 1):.0%}" for some in (found, right))
        told = ", ".join(f"{count} {reason}" for reason, count in counts)
        print(f"#   {defect}{BESIDE if defect in NOT_JUDGED else ''} · {len(of)} · {shares} · {told}")
    clean = [one for one in judged if not one.defect]
    alone, two = ([one.overlap for one in judged if one.defect == defect] for defect in ("", OVERLAP))
    for part in TAKEN_FOR_TWO:
        limit = float(np.quantile(alone, 1 - part, method="higher"))
        share = sum(one > limit for one in two) / len(two)
        print(
            f"# recordings of two, found by `overlap = {limit:.3f}`, which drops {part:.0%} of the clean: {share:.1%}"
        )
    lost = [one for one in clean if one.reasons]
    for one in lost:
        print(f"#   a clean clip of {one.voice} is dropped: {', '.join(one.reasons)}")
    share = sum(bool(one.reasons) for one in bad) / len(bad)
    bars.tell(f"planted defects found, of {len(bad)}", f"{share:.1%}", "at least 95 %", share >= 0.95)
    few = len(lost) <= 0.02 * len(clean)
    bars.tell(f"clean clips dropped, of {len(clean)}", f"{len(lost) / len(clean):.1%}", "at most 2 %", few)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--half", choices=HALVES, default="kept")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    began, limits = time.monotonic(), Limits()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.processes, mp_context=spawn) as pool:
        first = 100 if options.half == "kept" else 1
        trials = [pool.submit(trial, *pair, first + n, limits) for n, pair in enumerate(HALVES[options.half])]
        done = [one.result() for one in trials]
    judged = [one for recordings, _ in done for one in recordings]
    spent = ", ".join(f"{seconds:.0f}" for _, seconds in done)
    print(f"# {len(judged)} recordings, {time.monotonic() - began:.0f} s; CPU seconds of each voice: {spent}")
    report(judged, limits)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
