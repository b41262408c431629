"""SIGKILL on the way changes no bit of what XTTS learns, whole or by adapters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("rank", [pytest.param("0", id="full"), pytest.param("4", id="lora", marks=pytest.mark.slow)])
def test_a_killed_training_ends_with_the_same_weights_bit_for_bit(rank: str, tiny: Path, tmp_path: Path) -> None:
    undisturbed = run(tmp_path / "undisturbed", tiny, rank)
    killed = run(tmp_path / "killed", tiny, rank, "step:6", "fsync:5")
    assert killed["outcomes"].count("killed") == 2
    assert killed["weights"] == undisturbed["weights"]
    assert killed["best_step"] == undisturbed["best_step"]


def run(folder: Path, base: Path, rank: str, *kills: str) -> dict[str, Any]:
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, str(HERE / "xtts_run.py"), str(folder / "run"), str(folder / "points.jsonl"), *kills],
        capture_output=True,
        text=True,
        timeout=240,
        env={
            **os.environ,
            "PYTHONPATH": f"{HERE.parents[2]}:{HERE.parent / 'training'}",
            "MYNA_XTTS_BASE": str(base),
            "XTTS_LORA_RANK": rank,
            "OMP_NUM_THREADS": "1",
        },
    )
    assert done.returncode == 0, done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return outcome
