"""A training of a big engine's tiny base that is killed on the way, beside one that nobody disturbed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def check_bit_for_bit(script: Path, tmp_path: Path, **environment: str) -> None:
    """A script that calls `killed.main` ends with the same weights however it is killed; `environment` says which base
    it trains, and how."""
    undisturbed = run(script, tmp_path / "undisturbed", environment)
    killed = run(script, tmp_path / "killed", environment, "step:6", "fsync:5")
    assert killed["outcomes"].count("killed") == 2
    assert killed["weights"] == undisturbed["weights"]
    assert killed["best_step"] == undisturbed["best_step"]


def run(script: Path, folder: Path, environment: dict[str, str], *kills: str) -> dict[str, Any]:
    """What it says at its end."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, str(script), str(folder / "run"), str(folder / "points.jsonl"), *kills],
        capture_output=True,
        text=True,
        timeout=240,
        env={
            **os.environ,
            "PYTHONPATH": f"{HERE.parents[1]}:{HERE / 'training'}",
            "OMP_NUM_THREADS": "1",
            **environment,
        },
    )
    assert done.returncode == 0, done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return outcome
