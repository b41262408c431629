"""How much a take sounds like a voice, heard by the embedder itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from engines.autoregressive import likeness

DEMO = Path(__file__).parents[3] / "demo" / "recordings"


def recording(name: str) -> tuple[NDArray[np.float32], int]:
    samples, rate = soundfile.read(DEMO / f"{name}.flac", dtype="float32")
    return samples, rate


def test_the_voice_is_more_like_itself_than_like_another() -> None:
    (one, rate), (other, _) = recording("d01"), recording("d02")
    voice = likeness.of(one, rate)
    assert voice is not None
    same, child = likeness.to(voice, other, rate), likeness.to(voice, other, round(rate * 1.5))
    assert same > 0.75
    assert same > child + 0.1, "the same sentence, half as high again"


@pytest.mark.parametrize("seconds", [0.0, 0.1, 2.0], ids=["nothing", "a moment", "silence"])
def test_where_nobody_is_heard_takes_are_alike(seconds: float) -> None:
    samples, rate = recording("d01")
    quiet = np.zeros(round(seconds * rate), np.float32)
    assert likeness.of(quiet, rate) is None
    assert likeness.to(likeness.of(samples, rate), quiet, rate) == 0
    assert likeness.to(None, samples, rate) == 0
