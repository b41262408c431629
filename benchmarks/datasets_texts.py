"""Given texts are aligned with what is said first, and listened to only where they do not fit: how much quicker is that
than listening to all of them, and is as much found? flite says sentences; some have the text of another one.

python -m benchmarks.datasets_texts
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import bars
from engines.audio.mono import load
from engines.cutting.clips import cut_recording
from engines.glow.info import INFO
from engines.metrics.further_texts import SELECTION, TEXTS
from engines.transcription.alignment import Aligner
from engines.transcription.base import SAMPLE_RATE
from engines.transcription.sphinx import SphinxTranscriber

VOICES = ("slt", "rms", "awb", "kal16")
#: Every so many-th text is another sentence's.
WRONG = 6
#: Of the texts, each of which tells the ratio: no divisor of the texts of a voice, nor of WRONG.
PARTS = 5


@dataclass(frozen=True)
class Given:
    """A recording, and the text that somebody put beside it."""

    path: Path
    text: str
    right: bool


def made(folder: Path) -> list[Given]:
    """Every text by every voice."""
    texts = [*TEXTS["en"], *SELECTION["en"]]
    given = []
    for voice in VOICES:
        for number, text in enumerate(texts):
            path = folder / f"{voice}-{number}.wav"
            subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True)
            right = len(given) % WRONG != WRONG - 1
            given.append(Given(path, text if right else texts[(number + 3) % len(texts)], right))
    return given


@dataclass(frozen=True)
class Checked:
    """What checking some texts came to."""

    seconds: float = 0.0  #: CPU
    found: int = 0  #: wrong texts
    dropped: int = 0  #: right ones

    def __add__(self, other: Checked) -> Checked:
        return Checked(self.seconds + other.seconds, self.found + other.found, self.dropped + other.dropped)


def checked(given: Sequence[Given], sphinx: SphinxTranscriber, aligner: Aligner | None, out: Path) -> Checked:
    """Cut, measure, check and write them; without an aligner all are listened to."""
    began = bars.cpu_seconds()
    found = dropped = 0
    for one in given:
        (clip,) = cut_recording(one.path, one.text, "en", INFO, sphinx, out, aligner=aligner)
        found += not one.right and not clip.kept
        dropped += one.right and not clip.kept
    return Checked(bars.cpu_seconds() - began, found, dropped)


def _tell_alone(given: list[Given], sphinx: SphinxTranscriber, aligner: Aligner) -> None:
    """What aligning and listening cost by themselves, of right texts."""
    sounds = [(load(one.path, SAMPLE_RATE), one.text) for one in given]
    aligner.align(*sounds[0])  # loads
    seconds, paces = sum(len(samples) for samples, _ in sounds) / SAMPLE_RATE, []
    for act in (aligner.align, lambda samples, _: sphinx.transcribe(samples)):
        began = time.process_time()
        for samples, text in sounds:
            act(samples, text)
        paces.append(seconds / (time.process_time() - began))
    print(f"# one core, right texts: aligning {paces[0]:.0f} × real time, listening {paces[1]:.1f} ×", flush=True)


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    if shutil.which("flite") is None:
        print("flite is not installed: it says the recordings. Install the package of that name.")
        return 1
    sphinx, aligner = SphinxTranscriber(), Aligner()
    listened, aligned, ratios = Checked(), Checked(), []
    with tempfile.TemporaryDirectory(prefix="myna-") as place:
        given = made(Path(place))
        wrong = sum(not one.right for one in given)
        _tell_alone([one for one in given if one.right][::6], sphinx, aligner)
        for part in range(PARTS):
            some = given[part::PARTS]
            before = checked(some, sphinx, None, Path(place) / "listened")
            after = checked(some, sphinx, aligner, Path(place) / "aligned")
            listened, aligned = listened + before, aligned + after
            ratios.append(before.seconds / after.seconds)
    ratio = listened.seconds / aligned.seconds
    print(f"# {len(given)} texts: listened to {listened.seconds:.1f} s, aligned first {aligned.seconds:.1f} s")
    print(f"# the ratio in each of {PARTS} parts of them: {', '.join(f'{one:.1f}' for one in ratios)}")
    name = "given texts checked, cut and written"
    bars.tell(name, f"{ratio:.1f} × as quick as listening to all", "≥ 3 ×", ratio >= 3)
    as_good = aligned.found >= listened.found and aligned.dropped <= listened.dropped
    told = f"{aligned.found} ({aligned.dropped}) of {wrong}; by listening {listened.found} ({listened.dropped})"
    bars.tell("wrong texts found (right ones dropped)", told, "as many", as_good)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
