"""What tests of several engines share lies beside this file, which puts it on the path, also for one file run alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

#: Has numba compile what tests use of librosa: some parts when they are imported, others when they are first called.
COMPILE = """
import librosa, librosa.effects, numpy
sound = numpy.random.default_rng(0).normal(0, 0.1, 8_000).astype("float32")
librosa.pyin(sound, fmin=60, fmax=500, sr=16_000, frame_length=1024, hop_length=256)
librosa.effects.time_stretch(librosa.effects.pitch_shift(sound, sr=16_000, n_steps=-4), rate=0.8)
librosa.feature.melspectrogram(y=sound, sr=16_000)
"""


@pytest.fixture(scope="session")
def compiled_librosa() -> None:
    """What numba compiles for librosa, which takes a processor half a minute, is compiled by the first test process
    that needs it; the others take a copy (why not the same files: tests/conftest.py)."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    own = Path(os.environ["NUMBA_CACHE_DIR"])
    whole = own.parent / "whole"
    own.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(own.parent / "whole.lock"):
        if not whole.is_dir():
            aside = own.parent / "aside"
            environment = {**os.environ, "NUMBA_CACHE_DIR": str(aside)}
            subprocess.run([sys.executable, "-c", COMPILE], env=environment, check=True)
            aside.rename(whole)
    if not own.is_dir():
        shutil.copytree(whole, own)
