"""Make the demo's recordings: `python -m demo.make_voice`. Needs the free synthesiser flite (a system package); the
demo itself does not.

The voice is flite's `slt`, which the base of the embedded engine has never heard (see engines/glow/base/MODEL_CARD.md).
Each line of lines.txt becomes a FLAC with its text beside it; monologue.txt becomes one long FLAC without text, with
pauses between its sentences, so that the demo shows both ways into a dataset.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile as sf

HERE = Path(__file__).resolve().parent
OUT = HERE / "recordings"
RATE = 16_000
#: Silence kept after a line, samples. What is held out follows from a file's hash: with these bytes five lines, the
#: tenth one expects.
TAIL = 2_050


def speak(text: str) -> np.ndarray:
    """One sentence in flite's slt voice, float32 at 16 kHz, without the long silences flite leaves at both ends."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as wav:
        subprocess.run(["flite", "-voice", "slt", "-t", text, "-o", wav.name], check=True)
        samples, rate = sf.read(wav.name, dtype="float32")
    assert rate == RATE, rate
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    return samples[max(0, loud[0] - RATE // 10) : loud[-1] + TAIL]


def main() -> None:
    OUT.mkdir(exist_ok=True)
    seconds = 0.0
    for line in (HERE / "lines.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        name, text = line.split("|", 1)
        samples = speak(text)
        sf.write(OUT / f"{name}.flac", samples, RATE, subtype="PCM_16")
        (OUT / f"{name}.txt").write_text(text + "\n")
        seconds += len(samples) / RATE
    pause = np.zeros(int(0.6 * RATE), np.float32)
    parts: list[np.ndarray] = []
    for sentence in (HERE / "monologue.txt").read_text().strip().split(". "):
        parts += [speak(sentence.rstrip(".") + "."), pause]
    long = np.concatenate(parts)
    sf.write(OUT / "monologue.flac", long, RATE, subtype="PCM_16")
    print(f"{seconds:.0f} s with text, {len(long) / RATE:.0f} s without, in {OUT.name}/")


if __name__ == "__main__":
    main()
