"""Faults planted in what one side says, judged by the judge of `daemon/kinds/evaluate/rounds.py` with its own
recogniser and embeddings. Voices are the embedded base's own speakers. The list of faults is fixed.

Each sound is heard once over all trials of a voice. Pairs that differ by their seeds only are drawn from a pool of
seeds, so that two pairs may share what one of their sides says.
"""

from __future__ import annotations

import hashlib
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.planted_trials import Aim, Trial
from daemon.kinds.evaluate import rounds
from daemon.kinds.evaluate.rounds import Judge, Judged
from daemon.worker import spoken
from daemon.worker.bench import Bench, Steps
from daemon.worker.spoken import Speaker
from engines.base import Clip, SpeechRequest
from engines.glow import model as glow
from engines.glow.engine import GlowEngine
from engines.metrics.findings import Found
from engines.metrics.further_texts import TEXTS
from engines.metrics.rule import Rule
from engines.metrics.score import LineScores, Scores
from engines.metrics.table import Metric
from engines.metrics.texts_close import CLOSE
from engines.transcription.choose import choose

Samples = NDArray[np.float32]
HELD_OUT = 5
RATE = 16_000
#: Rows of the base's speaker table: those that may be tried on, and those that figures are of.
TUNING, REPORTING = (0, 1, 2, 3), (4, 5, 6, 7, 8)
#: Seeds of what stands for the person's recordings; no side speaks with them.
PERSON = 900_000
#: Seeds that the sides of equal pairs are drawn from; the first of them are the parent's in every trial.
POOL = tuple(range(1, 11))


def noisy(samples: Samples) -> Samples:
    """Noise 10 dB under the speech."""
    power = float(np.mean(samples**2)) * 10**-1.0
    return (samples + np.random.default_rng(1).normal(0, power**0.5, len(samples))).astype(np.float32)


def clipped(samples: Samples) -> Samples:
    """A recording that was overdriven by 20 dB."""
    top = float(np.abs(samples).max()) or 1.0
    return np.clip(samples * 10.0, -top, top).astype(np.float32)


def _cut(samples: Samples) -> Samples:
    """The last third is missing."""
    return samples[: 2 * len(samples) // 3]


def _stuttered(samples: Samples) -> Samples:
    """Every quarter of a second is said twice."""
    piece = RATE // 4
    return np.concatenate([samples[start : start + piece] for start in range(0, len(samples), piece) for _ in range(2)])


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
    Fault("noise at 10 dB", (Metric.DNSMOS, Metric.WER, Metric.SIMILARITY), noisy),
    Fault("clipped", (Metric.DNSMOS, Metric.SIMILARITY, Metric.WER), clipped),
    Fault("ends cut", (Metric.WER, Metric.DURATION_RATIO), _cut),
    Fault("stutters", (Metric.WER, Metric.DURATION_RATIO), _stuttered),
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
    """Who says the lines: a fault, and the seed of each take."""

    fault: Fault
    seeds: tuple[int, ...]


@dataclass
class Planted(Bench):
    """Speaks as a base's speaker with faults, and keeps what was said and heard for the next trial."""

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
        self._models: dict[int, glow.GlowModel] = {}
        self._heard: dict[tuple[str, str], LineScores] = {}  #: by line and sound
        for number, clip in enumerate(self.clips):
            spoken.write_wav(person.wav(clip), self._say(clip.text, CLEAN, PERSON + number, 0), RATE)
        self.ceiling = super().score(person, self.clips)

    def _model(self, fault: Fault, draw: int) -> glow.GlowModel:
        """The base, or the base with this draw of noise on its weights."""
        key = draw if fault.weights else 0
        if key not in self._models:
            loaded = glow.load(None, "cpu")
            if fault.weights:
                torch.manual_seed(draw)
                for weight in (one for one in loaded.module.parameters() if one.numel() > 1):
                    weight.data += fault.weights * weight.data.std() * torch.randn_like(weight)
            self._models[key] = loaded
        return self._models[key]

    def _say(self, text: str, fault: Fault, seed: int, draw: int) -> Samples:
        texts = (*TEXTS["en"], *CLOSE["en"])
        said = texts[(texts.index(text) + fault.text) % len(texts)]
        loaded = self._model(fault, draw)
        loaded.speaker = (self.row + fault.speaker) % 9
        request = SpeechRequest(said, "en", seed=seed, speed=fault.speed)
        return fault.change(np.concatenate([chunk.samples for chunk in self.engine.speak(loaded, request)]))

    def speaker(self, name: str, side: Side) -> Speaker:
        """A side that speaks."""
        self.sides[name] = side
        folder = self.folder / name.replace(" ", "-")
        folder.mkdir(exist_ok=True)
        return Speaker(name, folder, folder, name)

    @contextmanager
    def loaded(self, who: Speaker) -> Any:
        yield None

    def speak(self, who: Speaker, model: object, clips: Sequence[Clip], take: int = 0) -> None:
        side = self.sides[who.title]
        for clip in clips:
            if not who.wav(clip, take).exists():
                samples = self._say(clip.text, side.fault, side.seeds[take], side.seeds[0])
                spoken.write_wav(who.wav(clip, take), samples, RATE)

    def score(self, who: Speaker, clips: Sequence[Clip], take: int = 0) -> Scores:
        keys = [(clip.sha256, hashlib.sha256(who.wav(clip, take).read_bytes()).hexdigest()) for clip in clips]
        if any(key not in self._heard for key in keys):
            self._heard |= dict(zip(keys, super().score(who, clips, take).lines, strict=True))
        lines = tuple(self._heard[key] for key in keys)
        return Scores(lines, rounds.summarise(lines, *self.recogniser))

    def judge(self, candidate: Speaker, parent: Speaker) -> Judged:
        """The verdict, after as many rounds as it takes."""
        for who in (candidate, parent):
            self.speak(who, None, self.clips)
        rule = Rule()
        planned = rounds.plan(self.clips, "en", rule, hears=True)
        judge = Judge(rule, False, self.ceiling.summary, None, None)
        return rounds.until_decided(self, planned, judge, candidate, parent)


def trials(row: int, seeds: int, equal: int) -> Iterator[Trial]:
    """All trials of one voice, as they come."""
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="myna-") as folder:
        bench = Planted(Path(folder), row)
        parent = bench.speaker("parent", Side(CLEAN, POOL[:3]))
        copy = bench.judge(bench.speaker("copy", Side(CLEAN, POOL[:3])), parent)
        same = any(one.found is Found.SAME for one in copy.verdict.findings)
        yield _trial(row, Aim.REGRESSION, "the exact copy", copy, named=same)
        for fault, draw in ((fault, draw) for draw in range(1, seeds + 1) for fault in FAULTS):
            broken = bench.speaker(f"{fault.name} {draw}", Side(fault, tuple(100 * draw + take for take in range(3))))
            judged = bench.judge(broken, parent)
            named = any(one.metric in fault.names and one.found is not Found.GAINED for one in judged.verdict.findings)
            yield _trial(row, Aim.REGRESSION, fault.name, judged, named=named)
            yield _trial(row, Aim.IMPROVEMENT, f"{fault.name}, mended", bench.judge(parent, broken))
        for number, sides in enumerate(_pairs(row, equal)):
            two = [bench.speaker(f"equal {number} {at}", Side(CLEAN, side)) for at, side in enumerate(sides)]
            yield _trial(row, Aim.EQUAL, f"seeds {sides[0]} and {sides[1]}", bench.judge(*two))


def _pairs(row: int, count: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Two sides of three seeds each, of six different ones; no pair twice."""
    draw, found = random.Random(row), dict[frozenset[tuple[int, ...]], tuple[tuple[int, ...], tuple[int, ...]]]()
    while len(found) < count:
        six = draw.sample(POOL, 6)
        pair = (tuple(six[:3]), tuple(six[3:]))
        found.setdefault(frozenset(pair), pair)
    return list(found.values())


def _trial(row: int, aim: Aim, name: str, judged: Judged, named: bool | None = None) -> Trial:
    cost, verdict = judged.cost(), judged.verdict
    said = "; ".join(verdict.sentences)
    return Trial(
        f"row {row}", aim, name, verdict.outcome, named, cost["seconds_spoken"], cost["rounds"], verdict.score, said
    )
