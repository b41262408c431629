"""What one more recording costs a voice that has thousands of clips, beside the first build of all of them: nothing
that was cut, measured or heard is done again, and the next dataset is made from rows. flite says the recordings.

python -m benchmarks.datasets_adding [--clips 5000]
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from sqlalchemy.orm import Session

from benchmarks import bars
from daemon.database.models import Recording, Voice, now
from daemon.database.store import Store
from daemon.kinds.dataset.worker import as_wire
from daemon.state import datasets, recordings
from engines.cutting.clips import cut_recording
from engines.glow.info import INFO
from engines.judging.limits import Limits
from engines.judging.voice_clip import packed, unpacked
from engines.transcription.choose import choose
from proto import worker_pb2 as wire

TEXT = "The small boat left the harbour before the sun came up."
ROUNDS = 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=5_000, help="that the voice has already")
    options = parser.parse_args()
    if shutil.which("flite") is None:
        print("flite is not installed: it says the recordings. Install the package of that name.")
        return 1
    with tempfile.TemporaryDirectory(prefix="myna-") as place:
        home = Path(place)
        cut, took = _one_cut(home)
        store = Store(home / "home")
        try:
            store.write_now(_fill, cut, options.clips)
            first = _timed(lambda: store.write_now(datasets.build, "anna"))
            built = []
            for number in range(ROUNDS):
                store.write_now(_add, cut, options.clips + number)
                built.append(_timed(lambda: store.write_now(datasets.build, "anna")))
        finally:
            store.close()
    whole, one = options.clips * took + first, took + statistics.median(built)
    print(f"# one recording cut, measured and its text checked {took:.2f} s; the dataset made of rows {first:.2f} s")
    print(f"# one more: {min(built):.2f} … {max(built):.2f} s for the dataset, in which others wait to write")
    share = one / whole
    name = f"one recording more for a voice of {options.clips:,} clips"
    bars.tell(name, f"{one:.2f} s, {share:.1%} of the first build", "≤ 2 %", share <= 0.02)
    return 0


def _one_cut(folder: Path) -> tuple[wire.CutClip, float]:
    """(a clip as a worker reports it, seconds that it took)."""
    wav = folder / "one.wav"
    subprocess.run(["flite", "-voice", "slt", "-t", TEXT, "-o", str(wav)], check=True)
    choice = choose("en", folder)
    times = []
    for _ in range(ROUNDS):
        began = time.monotonic()
        (clip,) = cut_recording(
            wav, TEXT, "en", INFO, choice.transcriber, folder, aligner=choice.aligner, limits=Limits()
        )
        times.append(time.monotonic() - began)
    return as_wire(clip, folder), statistics.median(times)


def _timed(act: object) -> float:
    began = time.monotonic()
    act()  # type: ignore[operator]
    return time.monotonic() - began


def _fill(session: Session, cut: wire.CutClip, clips: int) -> None:
    session.add(Voice(name="anna", language="en", engine="glow", options={}, created=now()))
    session.flush()
    for number in range(clips):
        _add(session, cut, number)


def _add(session: Session, cut: wire.CutClip, number: int) -> None:
    """A recording with one clip, like the one that was cut: another digest, another text, nearly the same speaker."""
    chance = np.random.default_rng(number)
    recording = Recording(
        voice="anna", sha256=f"{number:064x}", name=f"{number}.wav", path=f"recordings/{number}", size=1,
        seconds=cut.end, sample_rate=16_000, channels=1, codec="pcm", text=f"{TEXT} {number}", added=now(),
    )  # fmt: skip
    session.add(recording)
    session.flush()
    clip = wire.CutClip()
    clip.CopyFrom(cut)
    clip.sha256, clip.text = f"{number + (1 << 200):064x}", f"{TEXT} {number}"
    if clip.facts.voiceprint:
        near = np.array(unpacked(clip.facts.voiceprint)) + chance.normal(0, 0.01, len(clip.facts.voiceprint) // 2)
        clip.facts.voiceprint = packed(near.tolist())
    recordings.store_cut(session, "anna", wire.RecordingCut(recording=recording.sha256, clips=[clip]))


if __name__ == "__main__":
    raise SystemExit(main())
