"""Are recordings cut between words? flite says texts and tells when each sound of them ends; recordings made of that,
as they come, with noise and with an echo, are cut as a dataset job cuts them, and every cut is held against the truth.

With `--texts` their texts are given, which are laid under the whole recording before it is cut: how many of the cuts
are between sentences then, and is a clip's text what is said in it?

python -m benchmarks.datasets_cuts [--recordings 24] [--processes 2] [--texts]
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks import bars
from engines.cutting.clips import cut_recording
from engines.glow.info import INFO
from engines.metrics.further_texts import SELECTION, TEXTS
from engines.transcription.alignment import Aligner

RATE = 16_000
VOICES = ("slt", "rms", "awb", "kal16")
#: Sentences of a recording: about a minute.
SENTENCES = 20
#: A cut may lie so far inside a sound: where one ends is not that exact, seconds.
TOLERANCE = 0.01
#: A sound is there from where it is so loud beside the whole text, dB: a "p" begins with lips that are closed, and one
#: of the voices (kal16) hums at −35 dB meanwhile.
AUDIBLE = -30.0


class Room(StrEnum):
    """Where a recording was made."""

    CLEAN = "clean"
    NOISE = "noise 25 dB under the speech"
    ECHO = "an echo that fades by 60 dB in 0.4 s"


@dataclass(frozen=True)
class Spoken:
    """A recording, and where its sounds lie, seconds."""

    samples: NDArray[np.float32]
    sounds: NDArray[np.float64]  #: (n, 2): begin and end of each sound that is no pause
    sentences: tuple[tuple[float, float, str], ...]  #: begin, end and text of each


@dataclass(frozen=True)
class Found:
    """Of one recording."""

    room: Room
    seconds: float
    cuts: int
    inside: int  #: of these within a sound
    speech: float  #: seconds of sounds
    lost: float  #: of these in no clip
    took: float  #: CPU seconds
    between: int  #: of the cuts between clips, those between sentences; and …
    borders: int  #: … all of them
    wrong: int  #: clips of whole sentences with another text than theirs; and …
    whole: int  #: … all of whole sentences that have a text
    untold: bool  #: its text did not lie well, and is left to who hears


def spoken(voice: str, room: Room, number: int, folder: Path) -> Spoken:
    """A recording of SENTENCES sentences."""
    chance = random.Random(f"{voice} {room} {number}")
    texts = [*TEXTS["en"], *SELECTION["en"]]
    parts: list[NDArray[np.float32]] = []
    sounds: list[tuple[float, float]] = []
    sentences: list[tuple[float, float, str]] = []
    at = 0
    for _ in range(SENTENCES):
        text = chance.choice(texts)
        samples, ends = _said(voice, text, folder / f"{voice}-{room.name}-{number}.wav")
        begin = at / RATE
        said = [(before, end) for name, before, end in ends if name != "pau"]
        sentences.append((begin + said[0][0], begin + said[-1][1], text))
        for name, before, end in ends:
            if name != "pau":
                sounds.append((begin + before, begin + end))
        parts.append(samples)
        at += len(samples)
    return Spoken(_in(room, np.concatenate(parts), number), np.array(sounds), tuple(sentences))


def _said(voice: str, text: str, wav: Path) -> tuple[NDArray[np.float32], list[tuple[str, float, float]]]:
    """Samples, and (sound, begin, end) of what can be heard of each."""
    said = subprocess.run(
        ["flite", "-voice", voice, "-psdur", "-t", text, "-o", str(wav)], check=True, capture_output=True, text=True
    )
    samples, _ = soundfile.read(wav, dtype="float32")
    ends = [(name, float(end)) for name, end in (part.split(":") for part in said.stdout.split())]
    befores = [0.0, *(end for _, end in ends)]
    floor = float(np.sqrt(np.mean(np.square(samples)))) * 10 ** (AUDIBLE / 20)
    heard = []
    for (name, end), before in zip(ends, befores, strict=False):
        loud = np.flatnonzero(np.abs(samples[round(before * RATE) : round(end * RATE)]) > floor)
        if len(loud):
            heard.append((name, before + loud[0] / RATE, before + loud[-1] / RATE))
    return samples, heard


def _in(room: Room, samples: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    chance = np.random.default_rng(seed)
    loud = float(np.sqrt(np.mean(np.square(samples))))
    if room is Room.NOISE:
        return (samples + chance.normal(0, loud * 10 ** (-25 / 20), len(samples))).astype(np.float32)
    if room is Room.ECHO:
        time_ = np.arange(round(0.4 * RATE)) / RATE
        tail = chance.normal(0, 1, len(time_)) * 10 ** (-3 * time_ / 0.4)
        tail *= 0.5 / np.sqrt(np.sum(tail**2))
        tail[0] = 1.0
        echoed = np.fft.irfft(np.fft.rfft(samples, 2 * len(samples)) * np.fft.rfft(tail, 2 * len(samples)))
        return (echoed[: len(samples)] / max(1.0, np.abs(echoed).max())).astype(np.float32)
    return samples


def cut(voice: str, room: Room, number: int, texts: bool) -> Found:
    """Make a recording, cut it, and compare."""
    with tempfile.TemporaryDirectory(prefix="myna-") as place:
        folder = Path(place)
        made = spoken(voice, room, number, folder)
        soundfile.write(folder / "recording.flac", made.samples, RATE)
        text = " ".join(text for *_, text in made.sentences) if texts else None
        aligner = Aligner() if texts else None
        began = time.process_time()
        clips = cut_recording(folder / "recording.flac", text, "en", INFO, None, folder, aligner=aligner)
        took = time.process_time() - began
    edges = np.array([edge for clip in clips for edge in (clip.start, clip.end)])
    begins, ends = made.sounds[:, 0], made.sounds[:, 1]
    within = (edges[:, None] > begins + TOLERANCE) & (edges[:, None] < ends - TOLERANCE)
    kept = sum(
        float(np.clip(np.minimum(ends, clip.end) - np.maximum(begins, clip.start), 0.0, None).sum()) for clip in clips
    )
    speech = float((ends - begins).sum())
    borders = [(one.end + other.start) / 2 for one, other in pairwise(clips)]
    between = [not any(begin < at < end for begin, end, _ in made.sentences) for at in borders]
    whole, wrong = 0, 0
    for clip, first, last in zip(clips, [True, *between], [*between, True], strict=True):
        if clip.text and first and last:
            inside = [text for begin, end, text in made.sentences if clip.start < (begin + end) / 2 < clip.end]
            whole, wrong = whole + 1, wrong + (clip.text != " ".join(inside))
    return Found(
        room, len(made.samples) / RATE, len(edges), int(within.any(axis=1).sum()), speech, speech - kept, took,
        sum(between), len(borders), wrong, whole, texts and not any(clip.text for clip in clips),
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=int, default=4, help="of each voice in each room")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--texts", action="store_true", help="their texts are given")
    options = parser.parse_args()
    if shutil.which("flite") is None:
        print("flite is not installed: it says the recordings. Install the package of that name.")
        return 1
    cases = [*product(VOICES, Room, range(options.recordings), [options.texts])]
    with ProcessPoolExecutor(options.processes, multiprocessing.get_context("spawn")) as pool:
        found = list(pool.map(cut, *zip(*cases, strict=True)))
    for room in Room:
        some = [one for one in found if one.room is room]
        print(
            f"# {room}: {sum(one.inside for one in some)} of {sum(one.cuts for one in some)} cuts inside a sound, "
            f"{sum(one.lost for one in some) / sum(one.speech for one in some):.2%} of the speech in no clip"
        )
    cuts, inside = sum(one.cuts for one in found), sum(one.inside for one in found)
    kept = 1 - sum(one.lost for one in found) / sum(one.speech for one in found)
    pace = sum(one.seconds for one in found) / sum(one.took for one in found)
    bars.tell("cuts inside a word", f"{inside} of {cuts}", "0 of ≥ 500", inside == 0 and cuts >= 500)
    bars.tell("speech that is in a clip", f"{kept:.2%}", "≥ 99 %", kept >= 0.99)
    print(f"# {sum(one.between for one in found)} of {sum(one.borders for one in found)} cuts are between sentences")
    if options.texts:
        wrong, whole = sum(one.wrong for one in found), sum(one.whole for one in found)
        bars.tell("clips of whole sentences with another text", f"{wrong} of {whole}", "0", wrong == 0)
        print(f"# {sum(one.untold for one in found)} of {len(found)} texts did not lie well: left to who hears")
        print(f"# {pace:.0f} × real time a core, with the text laid under the whole recording")
        return 0
    bars.tell("measured and cut, without recognition", f"{pace:.0f} × real time a core", "≥ 100 ×", pace >= 100)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
