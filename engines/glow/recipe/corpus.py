"""Speak the base's corpus with free synthesisers: `python -m engines.glow.recipe.corpus OUT [--minutes 300] [--seed 11]
[--style mixed]`.

Needs `flite`, `festival` (with festvox-kdlpc16k) and `espeak-ng` on the path. flite's voice `slt` is kept out: it is
the demo's voice, which the base must never have heard. Writes OUT/<speaker>/<number>.flac (16 kHz mono) and
OUT/corpus.jsonl, a line per clip.

More speakers than synthesisers: speech made slower and then played faster by the same factor keeps its tempo and raises
formants and pitch together, as a shorter vocal tract does. At 1.17 a man's voice is near a woman's. Pitch alone is
moved by the synthesiser, or by WORLD where its voice does not follow.

What the engine is tried and measured on (`benchmarks/synthesisers.py`) is in none of it: no `slt`, no `rms` with a warp
of 0.86 to 0.94, no `awb` near 1.07, no `kal16` near 1.08.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
import soxr
from numpy.typing import NDArray

from engines.glow import text
from engines.glow.recipe.sentences import mixed, sentence, varied

SAMPLE_RATE = 16_000
STYLES = {"plain": sentence, "varied": varied, "mixed": mixed}


@dataclass(frozen=True)
class Speaker:
    """One voice of the corpus."""

    name: str
    program: str  #: "flite", "festival" or "espeak-ng"
    voice: str  #: the program's own name for it
    share: float  #: of the corpus's minutes
    warp: float = 1.0  #: formants and pitch times this, tempo kept
    pitch: float = 1.0  #: pitch times this, before `warp` (flite; not all its voices follow)
    tempo: float = 1.0  #: 1.1 is 10 % slower
    shift: float = 1.0  #: pitch times this before `warp`, by WORLD


#: The clustergen voices (awb, rms) have the most minutes: they are the cleanest. The first nine are those of the first
#: stage, and keep their rows in the speaker table.
SPEAKERS: tuple[Speaker, ...] = (
    Speaker("rms", "flite", "rms", 0.07),
    Speaker("awb", "flite", "awb", 0.07),
    Speaker("rms-high", "flite", "rms", 0.06, warp=1.2),
    Speaker("awb-high", "flite", "awb", 0.06, warp=1.17, pitch=1.15),
    Speaker("awb-low", "flite", "awb", 0.04, warp=0.93, pitch=0.9, tempo=1.06),
    Speaker("kal-high", "flite", "kal16", 0.04, warp=1.18, pitch=1.55),
    Speaker("kal", "flite", "kal16", 0.04),
    Speaker("espeak-f", "espeak-ng", "en-us+f2", 0.015),
    Speaker("espeak-m", "espeak-ng", "en-us+m3", 0.015),
    Speaker("rms-long", "flite", "rms", 0.05, warp=0.82, tempo=1.04),
    Speaker("rms-tenor", "flite", "rms", 0.06, warp=1.0, shift=1.4),
    Speaker("rms-alto", "flite", "rms", 0.06, warp=1.1, shift=1.5),
    Speaker("rms-lady", "flite", "rms", 0.07, warp=1.17, shift=1.45, tempo=0.96),
    Speaker("rms-young", "flite", "rms", 0.05, warp=1.28, shift=1.5),
    Speaker("awb-deep", "flite", "awb", 0.04, warp=0.85, pitch=0.85),
    Speaker("awb-lady", "flite", "awb", 0.06, warp=1.13, pitch=1.4, tempo=1.05),
    Speaker("awb-young", "flite", "awb", 0.05, warp=1.28, pitch=1.25),
    Speaker("kal-lady", "flite", "kal16", 0.03, warp=1.22, pitch=1.9),
    Speaker("kal-low", "flite", "kal16", 0.02, warp=0.88, pitch=1.1),
    Speaker("ked", "festival", "ked_diphone", 0.04),
    Speaker("ked-high", "festival", "ked_diphone", 0.04, warp=1.17, shift=1.4),
    Speaker("ked-low", "festival", "ked_diphone", 0.02, warp=0.9),
)


def speak(speaker: Speaker, words: str) -> NDArray[np.float32]:
    """Samples at 16 kHz, shape (n,), silence at both ends trimmed to about 50 ms. Raises CalledProcessError if the
    program fails."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as wav:
        command = _command(speaker, words, wav.name)
        subprocess.run(command, input=words.encode(), check=True, capture_output=True, timeout=60)
        samples, rate = sf.read(wav.name, dtype="float32")
    if speaker.shift != 1:
        samples = _shifted(samples, rate, speaker.shift)
    samples = soxr.resample(samples, rate * speaker.warp, SAMPLE_RATE, quality="VHQ")
    return trim(samples)


def _command(speaker: Speaker, words: str, out: str) -> list[str]:
    """What makes a synthesiser speak into the file `out`."""
    stretch = speaker.warp * speaker.tempo
    if speaker.program == "flite":
        settings = ["--setf", f"duration_stretch={stretch}", "--setf", f"f0_shift={speaker.pitch}"]
        return ["flite", "-voice", speaker.voice, *settings, "-t", words, "-o", out]
    if speaker.program == "festival":  # reads the words from its input
        scheme = f"(begin (voice_{speaker.voice}) (Parameter.set 'Duration_Stretch {stretch}))"
        return ["text2wave", "-eval", scheme, "-o", out]
    return ["espeak-ng", "-v", speaker.voice, "-s", str(int(155 / speaker.tempo)), "-w", out, words]


def _shifted(samples: NDArray[np.float32], rate: int, factor: float) -> NDArray[np.float32]:
    """Speech (n,) with its pitch times `factor`, formants and tempo as they were, by WORLD (with DIO, which takes a
    tenth of Harvest's time and does for synthesisers)."""
    import pyworld

    sound = samples.astype(np.float64)
    rough, times = pyworld.dio(sound, rate, f0_floor=55.0, f0_ceil=500.0)
    f0 = pyworld.stonemask(sound, rough, times, rate)
    envelope, noise = pyworld.cheaptrick(sound, f0, times, rate), pyworld.d4c(sound, f0, times, rate)
    return np.asarray(pyworld.synthesize(f0 * factor, envelope, noise, rate), np.float32)


def trim(samples: NDArray[np.float32], keep: float = 0.05) -> NDArray[np.float32]:
    """Cut silence (40 dB under the loudest frame) at both ends down to `keep` seconds: alignment must not have to
    explain it."""
    frame = SAMPLE_RATE // 100
    energy = np.sqrt(np.mean(samples[: len(samples) // frame * frame].reshape(-1, frame) ** 2, axis=1))
    loud = np.flatnonzero(energy > energy.max() * 0.01)
    start, end = loud[0] * frame - int(keep * SAMPLE_RATE), (loud[-1] + 1) * frame + int(keep * SAMPLE_RATE)
    return samples[max(0, start) : end]


def make(out: Path, minutes: float, seed: int, style: Callable[[random.Random], str]) -> None:
    """Write the corpus. The same arguments and program versions give the same files."""
    lines: list[dict[str, Any]] = []
    with ProcessPoolExecutor(2) as pool:
        for index, speaker in enumerate(SPEAKERS):
            rng = random.Random(seed * 1000 + index)
            (out / speaker.name).mkdir(parents=True, exist_ok=True)
            left, number = minutes * 60 * speaker.share, 0
            while left > 0:
                texts = [style(rng) for _ in range(32)]
                words = [text.normalise(" ".join(text.sentences(t))) for t in texts]
                sounds = pool.map(partial(speak, speaker), words, chunksize=4)
                for plain, spoken, samples in zip(texts, words, sounds, strict=True):
                    seconds = len(samples) / SAMPLE_RATE
                    if left <= 0 or not 0.8 <= seconds <= 11:
                        continue
                    path = f"{speaker.name}/{number:04d}.flac"
                    sf.write(out / path, samples / max(1.0, float(np.abs(samples).max()) / 0.99), SAMPLE_RATE)
                    lines.append(
                        {"path": path, "speaker": speaker.name, "text": plain, "words": spoken, "seconds": seconds}
                    )
                    left -= seconds
                    number += 1
            print(f"{speaker.name}: {number} clips", flush=True)
    (out / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    print(f"{len(lines)} clips, {sum(line['seconds'] for line in lines) / 60:.1f} minutes in {out}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--minutes", type=float, default=300)
    arguments.add_argument("--seed", type=int, default=11)
    arguments.add_argument("--style", choices=tuple(STYLES), default="mixed")
    options = arguments.parse_args()
    make(options.out, options.minutes, options.seed, STYLES[options.style])


if __name__ == "__main__":
    main()
