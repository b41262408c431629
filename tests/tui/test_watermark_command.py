"""`myna watermark`: what is said of sound files; asks no daemon."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engines.audio import perth
from tests.tui.conftest import ROOT, Run

pytestmark = pytest.mark.integration


def test_it_tells_marked_speech_from_a_recording(myna: Run, home: Path, tmp_path: Path) -> None:
    recording = ROOT / "demo" / "recordings" / "d01.flac"
    samples, rate = soundfile.read(recording, dtype="float32")
    marking = perth.Marking(rate)
    soundfile.write(tmp_path / "made.ogg", np.concatenate((marking.add(samples), marking.end())), rate)
    ended = myna("watermark", tmp_path / "made.ogg", recording)
    assert ended.code == 0, ended.err
    one, other = ended.out.splitlines()
    assert one == f"{tmp_path / 'made.ogg'}: carries the watermark: it is synthetic speech (confidence 1.00)."
    assert "carries no watermark" in other
    (tmp_path / "none.wav").write_text("no sound")
    failed = myna("watermark", tmp_path / "none.wav", "--json")
    assert failed.code == 1
    assert json.loads(failed.out)[0]["error"]
    assert not home.exists()
