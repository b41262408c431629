"""SIGKILL on the way changes no bit of what fish learns, whole or by adapters; nor is a clip encoded twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engines.base import Clip
from engines.features import encode_all
from engines.fish.engine import FishEngine
from engines.training.control import Command, Free, Stopped

HERE = Path(__file__).parent


@pytest.mark.parametrize("rank", [pytest.param("0", id="full", marks=pytest.mark.slow), pytest.param("4", id="lora")])
def test_a_killed_training_ends_with_the_same_weights_bit_for_bit(rank: str, tiny: Path, tmp_path: Path) -> None:
    undisturbed = run(tmp_path / "undisturbed", tiny, rank)
    killed = run(tmp_path / "killed", tiny, rank, "step:6", "fsync:5")
    assert killed["outcomes"].count("killed") == 2
    assert killed["weights"] == undisturbed["weights"]
    assert killed["best_step"] == undisturbed["best_step"]


def run(folder: Path, base: Path, rank: str, *kills: str) -> dict[str, Any]:
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, str(HERE / "fish_run.py"), str(folder / "run"), str(folder / "points.jsonl"), *kills],
        capture_output=True,
        text=True,
        timeout=240,
        env={
            **os.environ,
            "PYTHONPATH": f"{HERE.parents[2]}:{HERE.parent / 'training'}",
            "MYNA_FISH_BASE": str(base),
            "FISH_LORA_RANK": rank,
            "OMP_NUM_THREADS": "1",
        },
    )
    assert done.returncode == 0, done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return outcome


class StopAfterABatch(Free):
    def __init__(self, most: int) -> None:
        self.left = most

    def poll(self) -> Command:
        self.left -= 1
        return Command.GO if self.left >= 0 else Command.STOP


def test_encoding_goes_on_where_it_stopped(engine: FishEngine, clips: list[Clip], tmp_path: Path) -> None:
    engine.encode_at_once = 2
    with pytest.raises(Stopped):
        encode_all(engine, clips, tmp_path, StopAfterABatch(3))
    there = len(list(tmp_path.glob("*.safetensors")))
    assert there == 2
    done = encode_all(engine, clips, tmp_path)
    assert (len(done.kept), done.from_cache, done.dropped) == (len(clips), there, [])
