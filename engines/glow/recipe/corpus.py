"""Speak the base's corpus with free synthesisers: `python -m engines.glow.recipe.corpus OUT [--minutes 110] [--seed 7]
[--style varied]`.

Needs `flite` and `espeak-ng` on the path (packages of the same names). flite's voice `slt` is kept out: it is the
demo's voice, which the base must never have heard. Writes OUT/<speaker>/<number>.flac (16 kHz mono) and
OUT/corpus.jsonl, a line per clip.

More speakers than synthesisers: speech made slower and then played faster by the same factor keeps its tempo and raises
formants and pitch together, as a shorter vocal tract does. At 1.17 a man's voice is near a woman's.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
from numpy.typing import NDArray

from engines.glow import text
from engines.glow.recipe.sentences import sentence, varied

SAMPLE_RATE = 16_000


@dataclass(frozen=True)
class Speaker:
    """One voice of the corpus."""

    name: str
    program: str  #: "flite" or "espeak-ng"
    voice: str  #: the program's own name for it
    share: float  #: of the corpus's minutes
    warp: float = 1.0  #: formants and pitch times this, tempo kept
    pitch: float = 1.0  #: pitch times this, before `warp` (flite; not all its voices follow)
    tempo: float = 1.0  #: 1.1 is 10 % slower


#: The clustergen voices (awb, rms) have the most minutes: they are the cleanest.
SPEAKERS: tuple[Speaker, ...] = (
    Speaker("rms", "flite", "rms", 0.20),
    Speaker("awb", "flite", "awb", 0.18),
    Speaker("rms-high", "flite", "rms", 0.16, warp=1.2),
    Speaker("awb-high", "flite", "awb", 0.16, warp=1.17, pitch=1.15),
    Speaker("awb-low", "flite", "awb", 0.06, warp=0.93, pitch=0.9, tempo=1.06),
    Speaker("kal-high", "flite", "kal16", 0.06, warp=1.18, pitch=1.55),
    Speaker("kal", "flite", "kal16", 0.06),
    Speaker("espeak-f", "espeak-ng", "en-us+f2", 0.06),
    Speaker("espeak-m", "espeak-ng", "en-us+m3", 0.06),
)


def speak(speaker: Speaker, words: str) -> NDArray[np.float32]:
    """Samples at 16 kHz, shape (n,), silence at both ends trimmed to about 50 ms. Raises CalledProcessError if the
    program fails."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as wav:
        if speaker.program == "flite":
            stretch, shift = speaker.warp * speaker.tempo, speaker.pitch
            command = [
                "flite",
                "-voice",
                speaker.voice,
                "--setf",
                f"duration_stretch={stretch}",
                "--setf",
                f"f0_shift={shift}",
            ]
            command += ["-t", words, "-o", wav.name]
        else:
            command = ["espeak-ng", "-v", speaker.voice, "-s", str(int(155 / speaker.tempo)), "-w", wav.name, words]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        samples, rate = sf.read(wav.name, dtype="float32")
    samples = soxr.resample(samples, rate * speaker.warp, SAMPLE_RATE, quality="VHQ")
    return trim(samples)


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
    lines = []
    for index, speaker in enumerate(SPEAKERS):
        rng = random.Random(seed * 1000 + index)
        folder = out / speaker.name
        folder.mkdir(parents=True, exist_ok=True)
        left, number = minutes * 60 * speaker.share, 0
        with ThreadPoolExecutor(4) as pool:
            while left > 0:
                texts = [style(rng) for _ in range(16)]
                words = [text.normalise(" ".join(text.sentences(t))) for t in texts]
                for plain, spoken, samples in zip(texts, words, pool.map(partial(speak, speaker), words), strict=True):
                    seconds = len(samples) / SAMPLE_RATE
                    if left <= 0 or not 0.8 <= seconds <= 11:
                        continue
                    path = folder / f"{number:04d}.flac"
                    sf.write(path, samples / max(1.0, float(np.abs(samples).max()) / 0.99), SAMPLE_RATE)
                    lines.append(
                        {
                            "path": str(path.relative_to(out)),
                            "speaker": speaker.name,
                            "text": plain,
                            "words": spoken,
                            "seconds": seconds,
                        }
                    )
                    left -= seconds
                    number += 1
    (out / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    print(f"{len(lines)} clips, {sum(line['seconds'] for line in lines) / 60:.1f} minutes in {out}")  # type: ignore[misc]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--minutes", type=float, default=110)
    arguments.add_argument("--seed", type=int, default=7)
    arguments.add_argument("--style", choices=("plain", "varied"), default="plain")
    options = arguments.parse_args()
    make(options.out, options.minutes, options.seed, varied if options.style == "varied" else sentence)


if __name__ == "__main__":
    main()
