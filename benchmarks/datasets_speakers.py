"""Are people who speak in a voice's recordings told apart, and is one person never taken for two? Clips of made voices,
recorded as a careful person does, in pairs: as turns of one recording, and as a recording each; and each voice alone,
in one recording and with others of it that have noise, a room or a narrower band.

How alike two groups may be was chosen on the tuning half; the figures are of the other half's voices. Some of these are
made of one synthesiser's speaker by another vocal tract, and hardly anybody would tell them apart.

python -m benchmarks.datasets_speakers [--half tuning]
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import soxr

from benchmarks import bars, synthesisers
from benchmarks.made_corpus import RATE, Samples, Voice, in_a_room, narrow, texts, with_noise
from benchmarks.planted_recordings import recorded
from engines.cutting.measures import voiceprint
from engines.cutting.vad import SAMPLE_RATE
from engines.glow.recipe.corpus import Speaker
from engines.judging.speakers import speakers
from engines.judging.voice_clip import VoiceClip

#: Clips of a voice, of the one who says less in a pair, and of a voice in another session.
CLIPS, FEW, SESSION = 24, (14, 6), 10
SECONDS = 5.0


@dataclass(frozen=True)
class Made:
    """A speaker of `benchmarks.synthesisers`, as `made_corpus.Voice` is one."""

    speaker: Speaker

    @property
    def name(self) -> str:
        return self.speaker.name

    def say(self, text: str) -> Samples:
        said = synthesisers.said(self.speaker, text)
        return np.asarray(soxr.resample(said, synthesisers.SAMPLE_RATE, RATE), np.float32)


HALVES: dict[str, tuple[Voice | Made, ...]] = {
    "tuning": (
        Voice("slt", "flite", "slt"),
        Voice("rms", "flite", "rms"),
        Voice("english", "espeak-ng", "en-us"),
        Voice("espeak-f", "espeak-ng", "en-us+f2"),
        Voice("glow 3", "glow", "3"),
        Voice("glow 0", "glow", "0"),
        Made(synthesisers.TUNING[1]),
        Made(synthesisers.FURTHER[2]),
    ),
    "kept": (
        Voice("awb", "flite", "awb"),
        Voice("kal16", "flite", "kal16"),
        Voice("scottish", "espeak-ng", "en-gb-scotland"),
        Voice("glow 6", "glow", "6"),
        Voice("glow 1", "glow", "1"),
        *(Made(speaker) for speaker in (*synthesisers.REPORTING, *synthesisers.FURTHER[:2], synthesisers.OTHER)),
    ),
}
#: What another session of the same voice may have.
SESSIONS: dict[str, Callable[[Samples, int], Samples]] = {
    "noise at 15 dB": lambda sound, seed: with_noise(sound, 15, seed),
    "a room of 0.4 s": lambda sound, seed: in_a_room(sound, 0.4, seed),
    "nothing above 5.5 kHz": lambda sound, _: narrow(sound, 5_500),
}

Prints = list[bytes]


@dataclass(frozen=True)
class Heard:
    """A voice's embeddings."""

    name: str
    careful: Prints
    sessions: dict[str, Prints]


def hear(voice: Voice | Made, seed: int) -> Heard:
    """What it says, measured."""
    lines = iter(texts(CLIPS + SESSION * len(SESSIONS), seed))
    seeds = itertools.count(1_000 * seed)
    careful = _printed(recorded(voice.say(text), next(seeds)) for text in itertools.islice(lines, CLIPS))
    sessions = {
        name: _printed(change(voice.say(text), next(seeds)) for text in itertools.islice(lines, SESSION))
        for name, change in SESSIONS.items()
    }
    return Heard(voice.name, careful, sessions)


def _printed(sounds: Iterator[Samples]) -> Prints:
    found = (voiceprint(np.asarray(soxr.resample(sound, RATE, SAMPLE_RATE), np.float32)) for sound in sounds)
    return [one for one in found if one]


def told(groups: Sequence[Prints], recordings: Sequence[int]) -> tuple[int, int]:
    """(how many people were told apart in these groups of clips, clips that were given to another's group)."""
    numbered = [(group, one) for group, prints in enumerate(groups) for one in prints]
    clips = [
        VoiceClip(n, "", "text", SECONDS, None, one, b"", recording=recordings[group])
        for n, (group, one) in enumerate(numbered)
    ]
    found = speakers(clips).every
    wrong = 0
    for one in found:
        of = [numbered[id][0] for id in one.clips]
        wrong += len(of) - max(map(of.count, set(of)))
    return len(found), wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--half", choices=HALVES, default="kept")
    options = parser.parse_args()
    began = bars.cpu_seconds()
    voices = [hear(voice, 500 + n) for n, voice in enumerate(HALVES[options.half])]
    print(f"# {len(voices)} voices, {bars.cpu_seconds() - began:.0f} CPU seconds")
    alone = [told([one.careful], [1])[0] for one in voices]
    sessions = [
        (f"{one.name}, {name}", told([one.careful, other], [1, 2])[0])
        for one in voices
        for name, other in one.sessions.items()
    ]
    sessions += [(one.name, told([one.careful, *one.sessions.values()], [1, 2, 3, 4])[0]) for one in voices]
    split = [name for name, count in sessions if count > 1]
    print(f"# taken for two though it is one, in other sessions: {', '.join(split) or 'nobody'}")
    single = sum(count > 1 for count in alone) + len(split)
    bars.tell(f"one person taken for two, of {len(alone) + len(sessions)}", str(single), "0", single == 0)
    for recordings, where in (((1, 1), "in one recording"), ((1, 2), "in a recording each")):
        for few in FEW:
            pairs = [
                (one.name, other.name, *told([one.careful, other.careful[:few]], recordings))
                for one, other in itertools.permutations(voices, 2)
            ]
            missed = sorted({" and ".join(sorted((a, b))) for a, b, count, _ in pairs if count < 2})
            found = sum(count == 2 for *_, count, _ in pairs)
            wrong = sum(of for *_, count, of in pairs if count == 2)
            print(
                f"# two {where}, {CLIPS} clips and {few}: {found} of {len(pairs)} told apart, {wrong} clips given to "
                f"the other, more than two in {sum(count > 2 for *_, count, _ in pairs)}; missed: {', '.join(missed)}"
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
