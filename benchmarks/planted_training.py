"""Faults planted in what a version is trained on, and in how. Everything is Myna's own: the train worker with its loop
and its choice among checkpoints, and the evaluate worker. A voice is a synthesiser's speaker that the base never heard.

Each version is trained from the base. The held-out lines are clean in all trials: that somebody records noise and has
it held out, too, is another case. Trainings are the engine's shortest, of smaller batches, so that a voice takes some
fifteen minutes of one core."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import torch

from benchmarks import synthesisers
from benchmarks.planted_sound import Samples, clipped, noisy
from benchmarks.planted_trials import NO_VERSION, THE_SAME, Aim, Trial
from benchmarks.real_workers import BY_LOSS, Judgement, Workshop, clip
from engines.errors import EngineError
from engines.glow.recipe.corpus import SAMPLE_RATE, Speaker
from engines.metrics.findings import Found
from engines.metrics.table import Metric
from proto import worker_pb2 as wire

#: Voices that are trained.
VOICES = 3
CLIPS, FEW, HELD_OUT = 24, 7, 5
#: Of every training: the engine's own step count and rate.
SETTINGS: Mapping[str, Any] = {"batch_size": 8, "threads": 1}
RATE = 2e-4  #: the engine's own, of a first training


@dataclass(frozen=True)
class Fault:
    """What is wrong with a training."""

    name: str
    names: tuple[Metric, ...]  #: any of these in the reasons names it
    sound: Callable[[Samples], Samples] | None = None  #: of the recordings
    other: bool = False  #: somebody else reads the same texts
    shuffled: bool = False  #: each recording has the text of the next
    settings: Mapping[str, Any] = field(default_factory=dict)


FAULTS = (
    Fault(
        "trained at a rate x 20", (Metric.WER, Metric.SIMILARITY, Metric.DNSMOS), settings={"learning_rate": 20 * RATE}
    ),
    Fault("trained on another speaker", (Metric.SIMILARITY, Metric.F0_SEMITONES), other=True),
    Fault("trained on shuffled texts", (Metric.WER,), shuffled=True),
    Fault("trained on noise at 10 dB", (Metric.DNSMOS, Metric.WER, Metric.SIMILARITY), sound=noisy),
    Fault("trained on clipped sound", (Metric.DNSMOS, Metric.WER, Metric.SIMILARITY), sound=clipped),
    Fault("trained for four steps", (Metric.SIMILARITY, Metric.F0_SEMITONES), settings={"steps": 4}),
)
#: Numbers of the versions: the clean one, the one of few clips, the clean one's copy; faults follow.
CLEAN, SMALL, COPY, FIRST = 1, 2, 3, 4


def trials(voice: Speaker) -> Iterator[Trial]:
    """All trials of one voice, as they come."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="myna-") as folder:
        home = Path(folder)
        (home / "recordings").mkdir()
        texts = synthesisers.texts(crc32(voice.name.encode()), CLIPS + HELD_OUT)
        sounds = [synthesisers.said(voice, text) for text in texts]
        clips = _clips(home, "clean", texts, sounds)
        workshop = Workshop(home, clips[CLIPS:], clips[:CLIPS])
        workshop.train(CLEAN, clips[:CLIPS], SETTINGS)
        yield from _choice(voice, workshop, CLEAN, "trained on clean sound")
        yield _improvement(voice, "trained against the base", workshop.judge(CLEAN, 0))
        workshop.train(SMALL, clips[:FEW], SETTINGS)
        yield from _choice(voice, workshop, SMALL, "trained on few clips")
        yield _improvement(voice, "more data", workshop.judge(CLEAN, SMALL))
        workshop.copy(COPY, CLEAN)
        copy = workshop.judge(COPY, CLEAN)
        same = any(one["found"] == Found.SAME for one in copy.findings)
        yield _trial(voice, Aim.REGRESSION, "the exact copy", copy, same)
        for number, fault in enumerate(FAULTS, FIRST):
            yield from _planted(voice, workshop, number, fault, texts[:CLIPS], sounds[:CLIPS])


def _planted(
    voice: Speaker, workshop: Workshop, number: int, fault: Fault, texts: Sequence[str], sounds: Sequence[Samples]
) -> Iterator[Trial]:
    """A training with a fault against the clean one, and the other way round."""
    if fault.other:
        sounds = [synthesisers.said(synthesisers.OTHER, text) for text in texts]
    if fault.sound is not None:
        sounds = [fault.sound(sound) for sound in sounds]
    if fault.shuffled:
        texts = [*texts[1:], texts[0]]
    clips = _clips(workshop.home, str(number), texts, sounds)
    try:
        made = workshop.train(number, clips, {**SETTINGS, **fault.settings})
    except EngineError as error:
        yield Trial(voice.name, Aim.REGRESSION, fault.name, NO_VERSION, None, said=str(error))
        return
    if not made.step:
        yield Trial(voice.name, Aim.REGRESSION, fault.name, NO_VERSION, None, said="It gained nothing.")
        return
    yield from _choice(voice, workshop, number, fault.name)
    found = workshop.judge(number, CLEAN)
    named = any(one.get("metric") in fault.names and one["found"] != Found.GAINED for one in found.findings)
    yield _trial(voice, Aim.REGRESSION, fault.name, found, named)
    yield _improvement(voice, f"{fault.name}, mended", workshop.judge(CLEAN, number))


def _choice(voice: Speaker, workshop: Workshop, number: int, name: str) -> Iterator[Trial]:
    """The checkpoint that speaking chose against the best by loss, on held-out lines."""
    made = workshop.made[number]
    if not made.spoke:
        return
    if made.step == made.best_step or not workshop.version(BY_LOSS + number).is_dir():
        yield Trial(voice.name, Aim.CHOICE, name, THE_SAME, None)
        return
    yield _trial(voice, Aim.CHOICE, name, workshop.judge(number, BY_LOSS + number), None)


def _improvement(voice: Speaker, name: str, found: Judgement) -> Trial:
    return _trial(voice, Aim.IMPROVEMENT, name, found, None)


def _trial(voice: Speaker, aim: Aim, name: str, found: Judgement, named: bool | None) -> Trial:
    said = " ".join(found.sentences)
    return Trial(voice.name, aim, name, found.outcome, named, found.seconds, found.rounds, found.score, said)


def _clips(home: Path, name: str, texts: Sequence[str], sounds: Sequence[Samples]) -> list[wire.ClipRef]:
    """Recordings with their texts, as files of the home."""
    found = []
    for number, (text, sound) in enumerate(zip(texts, sounds, strict=True)):
        path = home / "recordings" / f"{name}-{number}.flac"
        synthesisers.write(path, sound)
        found.append(clip(path, text, len(sound) / SAMPLE_RATE))
    return found
