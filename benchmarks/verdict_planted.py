"""Is the verdict right on cases whose answer is known? Voices are the embedded base's own speakers; a fault is planted
in what one side says, and the judge of `daemon/kinds/evaluate/rounds.py` decides with its own recogniser and
embeddings.

The list of faults is fixed, and all of them are reported. Voice 0 is for trying; the figures are of those after it, on
which nothing was tried. Faults are planted in the sound (and, for one, in the weights); faults planted in training data
are not here yet.

python -m benchmarks.verdict_planted [--first 1] [--voices 5] [--seeds 2] [--equal 10] [--processes 2]
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from daemon.kinds.evaluate import rounds
from daemon.kinds.evaluate.rounds import Judge
from daemon.worker import spoken
from daemon.worker.bench import Bench, Steps
from daemon.worker.spoken import Speaker
from engines.base import Clip, SpeechRequest
from engines.glow import model as glow
from engines.glow.engine import GlowEngine
from engines.metrics.findings import Found
from engines.metrics.further_texts import TEXTS
from engines.metrics.gate import Outcome, Verdict
from engines.metrics.rule import Rule
from engines.metrics.score import LineScores, Scores
from engines.metrics.table import Metric
from engines.transcription.choose import choose

Samples = NDArray[np.float32]
HELD_OUT = 5
RATE = 16_000
#: seeds of what stands for the person's recordings; no side speaks with them
PERSON = 900_000


def _noise(samples: Samples) -> Samples:
    """Noise 10 dB under the speech."""
    power = float(np.mean(samples**2)) * 10**-1.0
    return (samples + np.random.default_rng(1).normal(0, power**0.5, len(samples))).astype(np.float32)


def _clipped(samples: Samples) -> Samples:
    """A recording that was overdriven by 20 dB."""
    top = float(np.abs(samples).max()) or 1.0
    return np.clip(samples * 10.0, -top, top).astype(np.float32)


def _cut(samples: Samples) -> Samples:
    """The last third is missing."""
    return samples[: 2 * len(samples) // 3]


def _resampled(share: float) -> Callable[[Samples], Samples]:
    """Played faster by that share: higher and quicker."""

    def change(samples: Samples) -> Samples:
        at = np.arange(0, len(samples) - 1, share)
        return np.interp(at, np.arange(len(samples)), samples).astype(np.float32)

    return change


def _dull(samples: Samples) -> Samples:
    """Nothing above 800 Hz."""
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(len(samples), 1 / RATE) > 800] = 0
    return np.fft.irfft(spectrum, len(samples)).astype(np.float32)


def _flat(samples: Samples) -> Samples:
    """A buzz in the rhythm of the speech: no pitch of its own, no words."""
    envelope = np.abs(samples)
    envelope = np.convolve(envelope, np.ones(400) / 400, "same")
    buzz = np.sign(np.sin(2 * np.pi * 110 * np.arange(len(samples)) / RATE))
    return (envelope * buzz).astype(np.float32)


def _monotone(samples: Samples) -> Samples:
    """All on one pitch, its median, by the WORLD vocoder."""
    import pyworld

    sound = samples.astype(np.float64)
    f0, times = pyworld.harvest(sound, RATE)
    envelope = pyworld.cheaptrick(sound, f0, times, RATE)
    aperiodicity = pyworld.d4c(sound, f0, times, RATE)
    flat = np.where(f0 > 0, np.median(f0[f0 > 0]), 0.0) if (f0 > 0).any() else f0
    return pyworld.synthesize(flat, envelope, aperiodicity, RATE)[: len(samples)].astype(np.float32)


def _same(samples: Samples) -> Samples:
    return samples


@dataclass(frozen=True)
class Fault:
    """What is planted in one side."""

    name: str
    names: tuple[Metric, ...]  #: any of these in the reasons names it
    change: Callable[[Samples], Samples] = _same
    speaker: int = 0  #: so many rows further in the speaker table
    text: int = 0  #: says the line so many further
    speed: float = 1.0
    weights: float = 0.0  #: noise on the weights, of their own spread


FAULTS = (
    Fault("another speaker", (Metric.SIMILARITY, Metric.F0_SEMITONES), speaker=1),
    Fault("texts shuffled", (Metric.WER,), text=1),
    Fault("noise at 10 dB", (Metric.DNSMOS, Metric.WER, Metric.SIMILARITY), _noise),
    Fault("clipped", (Metric.DNSMOS, Metric.SIMILARITY, Metric.WER), _clipped),
    Fault("ends cut", (Metric.WER, Metric.DURATION_RATIO), _cut),
    Fault("a buzz", (Metric.WER, Metric.F0_SEMITONES, Metric.SIMILARITY), _flat),
    Fault("pitch and pace +19 %", (Metric.F0_SEMITONES, Metric.SIMILARITY), _resampled(1.19)),
    Fault("flat pitch", (Metric.F0_SPREAD, Metric.SIMILARITY, Metric.DNSMOS), _monotone),
    Fault("dull", (Metric.DNSMOS, Metric.WER, Metric.SIMILARITY), _dull),
    Fault("pace x 1.3", (Metric.DURATION_RATIO, Metric.WER, Metric.SIMILARITY), speed=1.3),
    Fault("pace x 1.8", (Metric.DURATION_RATIO, Metric.WER), speed=1.8),
    Fault("weights + noise", (Metric.WER, Metric.SIMILARITY, Metric.F0_SEMITONES, Metric.DNSMOS), weights=0.2),
)
CLEAN = Fault("clean", ())


class Silent:
    """A channel that nobody reads."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


@dataclass(frozen=True)
class Side:
    """Who says the lines: a fault, and the first of its seeds."""

    fault: Fault
    seed: int


@dataclass
class Planted(Bench):
    """Speaks as a base's speaker with faults, and keeps what was heard for the next trial."""

    folder: Path
    row: int  #: of the speaker table
    sides: dict[str, Side] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.engine = GlowEngine()
        self.clips = [
            Clip(f"{n:064x}", self.folder / f"{n}.flac", text, "en", 3.0)
            for n, text in enumerate(TEXTS["en"][:HELD_OUT])
        ]
        (self.folder / "person").mkdir()
        person = Speaker("the recordings", self.folder / "person", None, "person")
        channel: Any = Silent()
        super().__init__(self.engine, self.engine, "en", person, self.clips, (), channel, Steps(channel, 1))
        self.hear_with(choose("en", self.folder))
        self._scores: dict[tuple[str, str, int], LineScores] = {}
        for number, clip in enumerate(self.clips):
            spoken.write_wav(person.wav(clip), self._say(clip.text, Side(CLEAN, PERSON + number)), RATE)
        self.ceiling = self.score(person, self.clips)

    def _say(self, text: str, side: Side) -> Samples:
        fault = side.fault
        texts = TEXTS["en"]
        said = texts[(texts.index(text) + fault.text) % len(texts)]
        loaded = glow.load(None, "cpu")
        loaded.speaker = (self.row + fault.speaker) % 9
        if fault.weights:
            torch.manual_seed(3)
            for weight in loaded.module.parameters():
                weight.data += fault.weights * weight.data.std() * torch.randn_like(weight) if weight.numel() > 1 else 0
        request = SpeechRequest(said, "en", seed=side.seed, speed=fault.speed)
        return fault.change(np.concatenate([chunk.samples for chunk in self.engine.speak(loaded, request)]))

    def speaker(self, name: str, side: Side) -> Speaker:
        """A side that speaks; what it said before is there."""
        self.sides[name] = side
        folder = self.folder / name.replace(" ", "-")
        folder.mkdir(exist_ok=True)
        return Speaker(name, folder, folder, name)

    @contextmanager
    def loaded(self, who: Speaker) -> Any:
        yield None

    def speak(self, who: Speaker, model: object, clips: Sequence[Clip], take: int = 0) -> None:
        for clip in clips:
            if not who.wav(clip, take).exists():
                side = self.sides[who.title]
                spoken.write_wav(who.wav(clip, take), self._say(clip.text, Side(side.fault, side.seed + take)), RATE)

    def score(self, who: Speaker, clips: Sequence[Clip], take: int = 0) -> Scores:
        missing = [clip for clip in clips if (who.title, clip.sha256, take) not in self._scores]
        if missing:
            for clip, line in zip(missing, super().score(who, missing, take).lines, strict=True):
                self._scores[who.title, clip.sha256, take] = line
        lines = tuple(self._scores[who.title, clip.sha256, take] for clip in clips)
        return Scores(lines, rounds.summarise(lines, *self.recogniser))

    def judge(self, candidate: Speaker, parent: Speaker) -> tuple[Verdict, float]:
        """(the verdict, seconds that were spoken for it)."""
        for who in (candidate, parent):
            self.speak(who, None, self.clips)
        rule = Rule()
        planned = rounds.plan(self.clips, "en", rule, hears=True)
        judge = Judge(rule, False, self.ceiling.summary, None, None)
        judged = rounds.until_decided(self, planned, judge, candidate, parent)
        return judged.verdict, float(judged.cost()["seconds_spoken"])


@dataclass
class Tally:
    """What came of all trials."""

    regressions: list[tuple[str, Verdict]] = field(default_factory=list)
    improvements: list[tuple[str, Verdict]] = field(default_factory=list)
    equal: list[Verdict] = field(default_factory=list)
    named: int = 0
    seconds: list[float] = field(default_factory=list)  #: spoken for each regression
    close_seconds: list[float] = field(default_factory=list)  #: spoken for each equal pair


def trials(row: int, seeds: int, equal: int) -> Tally:
    """All trials of one voice."""
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="myna-") as folder:
        bench = Planted(Path(folder), row)
        parent = bench.speaker("parent", Side(CLEAN, 1))
        for fault, seed in ((fault, seed) for seed in range(seeds) for fault in FAULTS):
            broken = bench.speaker(f"{fault.name} {seed}", Side(fault, 100 * (seed + 1)))
            verdict, seconds = bench.judge(broken, parent)
            named = any(one.metric in fault.names and one.found is not Found.GAINED for one in verdict.findings)
            better, _ = bench.judge(parent, broken)
            tally.regressions.append((fault.name, verdict))
            tally.improvements.append((fault.name, better))
            tally.seconds.append(seconds)
            tally.named += named
            note = "" if named else " (not named)"
            print(f"  voice {row}, {fault.name}: {verdict.outcome}{note}; mended: {better.outcome}", flush=True)
        copy, _ = bench.judge(bench.speaker("copy", Side(CLEAN, 1)), parent)
        tally.regressions.append(("the exact copy", copy))
        tally.named += any(one.found is Found.SAME for one in copy.findings)
        for number in range(equal):
            other, seconds = bench.judge(bench.speaker(f"equal {number}", Side(CLEAN, 1_000 * (number + 2))), parent)
            tally.equal.append(other)
            tally.close_seconds.append(seconds)
            print(f"  voice {row}, equal pair {number}: {other.outcome}", flush=True)
    return tally


def joined(tallies: Sequence[Tally]) -> Tally:
    """Of all voices."""
    whole = Tally()
    for one in tallies:
        whole.regressions += one.regressions
        whole.improvements += one.improvements
        whole.equal += one.equal
        whole.seconds += one.seconds
        whole.close_seconds += one.close_seconds
        whole.named += one.named
    return whole


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=1, help="the base's speaker to begin with")
    parser.add_argument("--voices", type=int, default=5, help="so many of its speakers")
    parser.add_argument("--seeds", type=int, default=2, help="times that each fault is planted in each voice")
    parser.add_argument("--equal", type=int, default=10, help="equal pairs a voice")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    began = time.monotonic()
    rows = range(options.first, options.first + options.voices)
    with ProcessPoolExecutor(options.processes, multiprocessing.get_context("spawn")) as pool:
        each = [pool.submit(trials, row, options.seeds, options.equal) for row in rows]
        tell(joined([one.result() for one in each]), time.monotonic() - began)
    return 0


def tell(tally: Tally, took: float) -> None:
    """The table."""
    promoted = [name for name, verdict in tally.regressions if verdict.promote]
    better = sum(verdict.promote for _, verdict in tally.improvements)
    worse = sum(verdict.outcome in (Outcome.WORSE, Outcome.BROKEN) for _, verdict in tally.improvements)
    apart = sum(verdict.outcome is not Outcome.UNDECIDED for verdict in tally.equal)
    many, good, pairs = len(tally.regressions), len(tally.improvements), len(tally.equal)

    def row(name: str, measured: str, bar: str, holds: bool) -> None:
        print(f"{name} · {measured} · {bar} · {'holds' if holds else 'falls short'}", flush=True)

    row("planted regressions promoted", f"{len(promoted)} of {many}", "0", not promoted)
    named = tally.named / many
    row("the reason names the fault", f"{tally.named} of {many}: {named:.0%}", "≥ 90 %", named >= 0.9)
    mended = f"{better} of {good} better, {worse} worse"
    row("planted improvements called better", mended, "≥ 90 %, none worse", better >= 0.9 * good and not worse)
    if pairs:
        row("equal pairs told apart", f"{apart} of {pairs}", "≤ 5 %", apart <= 0.05 * pairs)
    for what, spent in (("a regression", sorted(tally.seconds)), ("an equal pair", sorted(tally.close_seconds))):
        if spent:
            print(f"# spoken for a verdict on {what}: median {spent[len(spent) // 2]:.0f} s, most {spent[-1]:.0f} s")
    print(f"# the whole run took {took / 60:.0f} min")


if __name__ == "__main__":
    raise SystemExit(main())
