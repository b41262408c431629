"""A recording of many hours costs time and not memory, and at every moment it can be cancelled.

A small file can hold it: audible speech with digital silence between compresses well.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

sys.path.insert(0, str(Path(__file__).parents[1]))

from speech import RATE, TEXTS, speech

from proto import frames
from proto import worker_pb2 as wire

WORKER = Path(__file__).with_name("long_worker.py")
#: What a recording may add to a worker that has cut a short one, MB: the quarter of an hour that it may keep (58 of
#: samples), and for each hour levels, no samples.
KEPT, HOUR = 80.0, 16.0


def long(folder: Path, hours: float, pause: float = 2.0) -> Path:
    """A FLAC file of readings with `pause` seconds of digital silence between them, and beside it their text."""
    names = list(TEXTS)
    unit = np.concatenate([np.concatenate([speech(name), np.zeros(round(pause * RATE), np.float32)]) for name in names])
    rounds = round(hours * 3600 * RATE / len(unit)) + 1
    with soundfile.SoundFile(folder / "long.flac", "w", RATE, 1, "PCM_16", format="FLAC") as file:
        for _ in range(rounds):
            file.write(unit)
    (folder / "long.txt").write_text(" ".join([TEXTS[name] for name in names] * rounds))
    return folder / "long.flac"


def cut(folder: Path, language: str, text: str = "-", *, speakers: bool = True) -> dict[str, Any]:
    """What a worker of its own made of the recording in a folder. `speakers`: it compares them."""
    given = ["-" if text == "-" else str(folder / text)]
    limits = json.dumps({"compare_speakers": speakers})
    done = subprocess.run(
        [sys.executable, str(WORKER), str(folder / "long.flac"), *given, str(folder), language, limits],
        capture_output=True,
        text=True,
        check=False,
        cwd=WORKER.parents[3],
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.long
@pytest.mark.parametrize("speakers", [False, pytest.param(True, marks=pytest.mark.long)])
def test_twenty_minutes_take_no_more_memory_than_their_levels_do(tmp_path: Path, speakers: bool) -> None:
    long(tmp_path, 1 / 3)
    told = cut(tmp_path, "xx", speakers=speakers)
    assert told["clips"] > 150
    assert told["mb"] - told["before_mb"] < KEPT + HOUR / 3
    assert told["longest_busy"] < 0.5


@pytest.mark.long
def test_a_recogniser_at_work_on_a_piece_does_not_keep_the_worker_from_looking_up(tmp_path: Path) -> None:
    """PocketSphinx takes a second for ten of speech and lets no other thread run meanwhile."""
    long(tmp_path, 1 / 100)
    told = cut(tmp_path, "en", "long.txt")
    assert told["kept"] > 3
    assert told["longest_busy"] < 0.5


def test_the_most_clips_that_a_recording_can_give_fit_into_a_frame() -> None:
    """Twelve hours in clips of the shortest length, each dropped with a long sentence."""
    some = wire.CutClip(
        end=0.8,
        text="w" * 300,
        sentence="s" * 300,
        sha256="a" * 64,
        path="p" * 80,
        quality=dict.fromkeys("abcdef", 1.0),
    )
    cut = wire.RecordingCut(recording="1" * 64, clips=[some] * round(12 * 3600 / 0.8))
    assert len(frames.pack(wire.Report(cut=cut))) < frames.LIMIT / 4


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("sound", ["speech", "noise"])
def test_twelve_hours_take_less_than_half_a_gigabyte(tmp_path: Path, sound: str) -> None:
    """Speech with pauses; and noise, which is one stretch without any."""
    if sound == "speech":
        long(tmp_path, 11.99)
    else:
        some = np.random.default_rng(0).normal(0, 0.1, RATE * 60).astype(np.float32)
        with soundfile.SoundFile(tmp_path / "long.flac", "w", RATE, 1, "PCM_16", format="FLAC") as file:
            for _ in range(12 * 60):
                file.write(some)
    told = cut(tmp_path, "xx", speakers=False)
    assert told["mb"] < 500
    assert told["longest_busy"] < 1.0
    assert told["frame"] < frames.LIMIT / 10
