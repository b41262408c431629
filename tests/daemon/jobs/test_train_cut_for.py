"""Clips that were cut for another engine are not trained on."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from recorded import Recorded

from daemon.kinds.train import worker as train
from engines.errors import BadInput
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration


def test_a_clip_that_another_engine_had_cut_has_the_training_refused(
    train_plan: wire.TrainPlan, tmp_path: Path
) -> None:
    other = tmp_path / "other.flac"
    samples, rate = soundfile.read(train_plan.clips[2].path, dtype="float32")
    soundfile.write(other, np.repeat(samples, 2), 2 * rate)
    train_plan.clips[2].path, train_plan.clips[2].sha256 = str(other), hashlib.sha256(other.read_bytes()).hexdigest()
    channel = Recorded(tmp_path)
    with pytest.raises(BadInput) as refused:
        train.run(train_plan, channel)
    told = "1 of the 8 clips of dataset #3 were cut for another engine: they have 32,000 Hz, and "
    assert str(refused.value) == f"{told}clips of glow have 16,000."
    assert "myna retry" in refused.value.hint
    assert not channel.committed
    assert not Path(train_plan.out_dir).exists()
