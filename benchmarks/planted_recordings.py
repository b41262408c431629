"""Recordings in which something is known to be wrong, cut, measured and judged the way a dataset job does it. Used by
the benchmarks of datasets; not a benchmark itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile

from benchmarks.made_corpus import RATE, Samples, clipped, in_a_room, level, narrow, with_noise
from engines import registry
from engines.cutting.clips import CutClip, cut_recording
from engines.judging import voice as together
from engines.judging.limits import Limits
from engines.judging.reasons import Reason
from engines.judging.verdict import judge
from engines.judging.voice_clip import VoiceClip
from engines.transcription.choose import choose


class Speaks(Protocol):
    """Somebody who reads texts."""

    def say(self, text: str) -> Samples:
        """Mono samples (n,) at `made_corpus.RATE`."""


@dataclass(frozen=True)
class Planted:
    """One recording and what is wrong with it."""

    defect: str  #: empty: nothing
    sound: Samples
    text: str  #: that it is given
    hear: bool = False  #: it is a matter of its text


@dataclass(frozen=True)
class Defect:
    """What can be planted in a sound."""

    name: str
    change: Callable[[Samples, int], Samples]
    reasons: frozenset[Reason]  #: any of these names it


@dataclass(frozen=True)
class Judged:
    """A clip of a planted recording, and what became of it."""

    clip: CutClip
    reason: Reason | None  #: why it is dropped; None: it is kept


def _cut_word(sound: Samples, seed: int) -> Samples:
    """Ends in the middle of a sound of its last word."""
    hop = RATE // 50
    frames = sound[: len(sound) // hop * hop].reshape(-1, hop)
    loud = np.flatnonzero(np.sqrt(np.mean(frames**2, axis=1)) > 0.9 * level(sound))
    late = loud[loud > 0.7 * len(frames)]
    return sound[: (late[-1 if len(late) else 0] + 1) * hop] if len(late) else sound[: (loud[-1] + 1) * hop]


DEFECTS = (
    Defect("noise at 3 to 6 dB", lambda sound, n: with_noise(sound, 3 + n % 4, n), frozenset({Reason.NOISY})),
    Defect("clipped, 10 to 15 dB over", lambda sound, n: clipped(sound, 10 + n % 6), frozenset({Reason.CLIPPED})),
    Defect("a room of 0.8 to 1.3 s", lambda s, n: in_a_room(s, 0.8 + n % 6 / 10, n), frozenset({Reason.REVERBERANT})),
    Defect("nothing above 3.4 to 4 kHz", lambda s, n: narrow(s, 3_400 + n % 4 * 200), frozenset({Reason.NARROW_BAND})),
    Defect("a word cut off", _cut_word, frozenset({Reason.CUT_OFF})),
)  # fmt: skip
#: What else can be wrong with a recording.
STRANGER, OTHER_TEXT, HALF_TEXT = "another speaker", "the text of another clip", "half of its text"
_TEXT = frozenset({Reason.DISAGREE, Reason.ODD_PACE, Reason.NOT_UNDERSTOOD})
#: By which reasons what is wrong with one is named.
NAMES: dict[str, frozenset[Reason]] = {defect.name: defect.reasons for defect in DEFECTS} | {
    STRANGER: frozenset({Reason.OTHER_SPEAKER}),
    OTHER_TEXT: _TEXT,
    HALF_TEXT: _TEXT,
}


def recorded(sound: Samples, seed: int) -> Samples:
    """As a person would record it well: a quiet room, some noise, some level."""
    draw = np.random.default_rng(seed)
    sound = in_a_room(sound, float(draw.uniform(0.1, 0.25)), seed) if draw.random() < 0.5 else sound
    return (with_noise(sound, float(draw.uniform(30, 50)), seed) * float(draw.uniform(0.2, 0.9))).astype(np.float32)


def with_defects(speaker: Speaks, lines: Iterator[str], seeds: Iterator[int], each: int, first: int) -> list[Planted]:
    """`each` recordings of every one of DEFECTS; `first` chooses how bad the first of them is."""
    found = []
    for defect in DEFECTS:
        for n in range(each):
            text = next(lines)
            # overdriven and cut by the recorder, after which nothing is added
            sound = recorded(speaker.say(text), next(seeds))
            found.append(Planted(defect.name, defect.change(sound, first + n), text))
    return found


def of_stranger(stranger: Speaks, lines: Iterator[str], seeds: Iterator[int], each: int) -> list[Planted]:
    """Somebody else reads."""
    texts = [next(lines) for _ in range(each)]
    return [Planted(STRANGER, recorded(stranger.say(text), next(seeds)), text) for text in texts]


def with_other_texts(speaker: Speaks, lines: Iterator[str], seeds: Iterator[int], each: int) -> list[Planted]:
    """Each has the text of the next."""
    texts = [next(lines) for _ in range(each)]
    sounds = [recorded(speaker.say(text), next(seeds)) for text in texts]
    return [Planted(OTHER_TEXT, sound, texts[(n + 1) % each], hear=True) for n, sound in enumerate(sounds)]


def with_half_texts(speaker: Speaks, lines: Iterator[str], seeds: Iterator[int], each: int) -> list[Planted]:
    """Half of what is said is written."""
    found = []
    for _ in range(each):
        text = next(lines)
        words = text.split()
        half = " ".join(words[: len(words) // 2])
        found.append(Planted(HALF_TEXT, recorded(speaker.say(text), next(seeds)), half))
    return found


def cut(planted: Sequence[Planted], engine: str, folder: Path) -> list[list[CutClip]]:
    """All the clips of each recording, measured; their files are in `folder`, made for that engine. A recogniser is
    asked of those that are a matter of their text."""
    info, choice, found = registry.info(engine), choose("en", folder), []
    for n, one in enumerate(planted):
        path = folder / f"{n}.wav"
        soundfile.write(path, one.sound, RATE, subtype="PCM_16")
        hears, aligner = (choice.transcriber, choice.aligner) if one.hear else (None, None)
        clips = folder / "clips"
        found.append(cut_recording(path, one.text, "en", info, hears, clips, aligner=aligner, limits=Limits()))
    return found


def judged(recordings: Sequence[Sequence[CutClip]], engine: str, limits: Limits) -> list[list[Judged]]:
    """What becomes of the clips of each recording: by themselves, then beside each other, as of one voice."""
    clip_seconds = registry.info(engine).clip_seconds
    clips = [clip for of in recordings for clip in of]
    alone = [judge(clip.facts, clip_seconds, "en", limits).reason for clip in clips]
    good = [beside(n, clip) for n, (clip, reason) in enumerate(zip(clips, alone, strict=True)) if reason is None]
    wrong = together.judge(good, limits)
    told = iter(
        Judged(clip, wrong[n].reason if n in wrong else reason)
        for n, (clip, reason) in enumerate(zip(clips, alone, strict=True))
    )
    return [[next(told) for _ in of] for of in recordings]


def beside(number: int, clip: CutClip) -> VoiceClip:
    """A clip as the rest of its voice sees it."""
    rest = (clip.voiceprint, clip.sketch, clip.facts.weak_cer, clip.quality.overlap_share)
    return VoiceClip(number, clip.sha256, clip.text, clip.seconds, clip.quality.seconds_per_char, *rest)
