"""When is which word said? What Myna finds in the sound of an engine that tells no times (`timestamps: "word"` at the
HTTP door), held against who knows: flite, which says when each sound ends, and the embedded engine, which tells its
own words.

    python -m benchmarks.doors_words [--sentences 40]
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles

import soundfile

from benchmarks.bars import tell
from daemon.worker.word_times import with_words
from engines.base import AudioChunk, SpeechRequest, WordTime
from engines.glow.engine import GlowEngine
from engines.metrics.further_texts import SELECTION, TEXTS

#: Synthetic speakers that flite has.
VOICES = ("slt", "rms", "awb", "kal16")
CLOSE = 0.040  #: seconds, of the median error
PAUSE = "pau"
BAR = f"median ≤ {CLOSE * 1000:.0f} ms"

#: A word's begin and end, seconds.
Time = tuple[float, float]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=40, help="by each speaker")
    options = parser.parse_args()
    texts = [*TEXTS["en"], *SELECTION["en"]][: options.sentences]
    tell_of("the embedded engine, which knows", _by_engine(texts))
    if shutil.which("flite") is None:
        print("flite is not installed: it says when its sounds end. Install the package of that name.", file=sys.stderr)
        return 1
    for voice in VOICES:
        tell_of(f"flite's {voice}", _by_flite(voice, texts))
    return 0


def tell_of(who: str, found: Iterable[tuple[Sequence[Time], Sequence[WordTime]]]) -> None:
    """The row of a speaker: (where the words lie, what was found) of each sentence that can be compared."""
    errors: list[float] = []
    sentences = missed = 0
    for truth, told in found:
        sentences += 1
        if len(told) != len(truth):
            missed += 1
            continue
        for (begin, end), one in zip(truth, told, strict=True):
            errors += [abs(begin - one.start), abs(end - one.end)]
    if not errors:
        tell(f"times of words, {who}", f"none found in {sentences} sentences", BAR, False)
        return
    middle, late = median(errors), quantiles(errors, n=20)[-1] if len(errors) > 1 else errors[0]
    measured = (
        f"{middle * 1000:.0f} ms median, {late * 1000:.0f} ms in 95 of 100 ({len(errors) // 2} words; "
        f"in {missed} of {sentences} sentences the words were not found)"
    )
    tell(f"times of words, {who}", measured, BAR, middle <= CLOSE)


def _found(chunk: AudioChunk) -> tuple[WordTime, ...]:
    """What a request for words gets of a sentence whose engine tells none."""
    return next(with_words(iter([replace(chunk, words=())]), "en")).words


def _by_engine(texts: Sequence[str]) -> Iterable[tuple[Sequence[Time], Sequence[WordTime]]]:
    engine = GlowEngine()
    model = engine.load(None)
    for number, text in enumerate(texts):
        for chunk in engine.speak(model, SpeechRequest(text, seed=number)):
            if chunk.words:
                yield [(one.start, one.end) for one in chunk.words], _found(chunk)


def _by_flite(voice: str, texts: Sequence[str]) -> Iterable[tuple[Sequence[Time], Sequence[WordTime]]]:
    with tempfile.TemporaryDirectory(prefix="myna-") as place:
        wav = Path(place) / "said.wav"
        for text in texts:
            sounds = _sounds(voice, text, wav)
            truth = in_words(sounds, [len(_sounds(voice, word, Path(place) / "word.wav")) for word in text.split()])
            if truth is not None:
                samples, rate = soundfile.read(wav, dtype="float32")
                yield truth, _found(AudioChunk(samples, rate, 0, text))


def _sounds(voice: str, text: str, wav: Path) -> list[Time]:
    """Begin and end of each sound that is no pause. Raises CalledProcessError."""
    said = subprocess.run(
        ["flite", "-voice", voice, "-psdur", "-t", text, "-o", str(wav)], check=True, capture_output=True, text=True
    )
    found, before = [], 0.0
    for name, end in (part.split(":") for part in said.stdout.split()):
        if name != PAUSE:
            found.append((before, float(end)))
        before = float(end)
    return found


def in_words(sounds: Sequence[Time], counts: Sequence[int]) -> list[Time] | None:
    """Where words of so many sounds lie. None where the sentence has others than its words have alone: then nobody
    knows which are whose."""
    if sum(counts) != len(sounds) or 0 in counts:
        return None
    times, at = [], 0
    for count in counts:
        times.append((sounds[at][0], sounds[at + count - 1][1]))
        at += count
    return times


if __name__ == "__main__":
    raise SystemExit(main())
