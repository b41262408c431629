"""SIGKILL at any moment costs at most one checkpoint interval, and nothing of the result."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from toy_run import SETTINGS

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def run(folder: Path, *kills: str) -> tuple[dict[str, Any], list[tuple[int, int, dict[str, float]]]]:
    """Outcome of a killed and resumed training, and its points as (process, step, values) in order."""
    folder.mkdir()
    points = folder / "points.jsonl"
    done = subprocess.run(
        [sys.executable, str(HERE / "toy_run.py"), str(folder / "run"), str(points), *kills],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), [
        tuple(json.loads(line)) for line in points.read_text().splitlines() if line.endswith("}]")
    ]


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, Any], list[tuple[int, int, dict[str, float]]]]:
    return run(tmp_path_factory.mktemp("kills") / "undisturbed")


@pytest.mark.parametrize(
    "kills",
    [
        ["step:1", "step:10", "step:11", "step:35", "step:60"],
        [f"fsync:{n}" for n in (1, 2, 4, 9, 14)],
        pytest.param([f"rename:{n}" for n in (1, 2, 5)], marks=pytest.mark.slow),
    ],
    ids=["between steps", "while files are written", "while checkpoints change places"],
)
def test_a_killed_training_ends_with_the_same_weights_bit_for_bit(
    kills: list[str], tmp_path: Path, undisturbed: Any
) -> None:
    expected, _ = undisturbed
    outcome, _ = run(tmp_path / "killed", *kills)
    assert "killed" in outcome["outcomes"]
    assert outcome["weights"] == expected["weights"]
    assert outcome["best_step"] == expected["best_step"]


@pytest.fixture(scope="module")
def killed_between_checkpoints(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, int, dict[str, float]]]:
    """Points of a run that was killed a step before a checkpoint was due, three times."""
    outcome, points = run(tmp_path_factory.mktemp("kills") / "killed", "step:19", "step:39", "step:59")
    assert outcome["outcomes"] == ["killed", "killed", "killed", "finished"]
    return points


@pytest.mark.long
def test_points_told_again_after_a_kill_have_the_same_steps_and_values(
    killed_between_checkpoints: Any, undisturbed: Any
) -> None:
    curves: dict[str, dict[int, set[float]]] = defaultdict(lambda: defaultdict(set))
    for _, step, values in killed_between_checkpoints:
        for name, value in values.items():
            curves[name][step].add(value)
    for _, step, values in undisturbed[1]:
        for name, value in values.items():
            assert curves[name][step] == {value}, f"{name} at step {step}"


def test_a_kill_costs_at_most_one_checkpoint_interval_of_steps(killed_between_checkpoints: Any) -> None:
    times = Counter(step for _, step, values in killed_between_checkpoints if "lr" in values)
    assert set(times) == set(range(1, SETTINGS.steps + 1))
    assert sum(count - 1 for count in times.values()) <= 3 * SETTINGS.checkpoint_every


@pytest.mark.slow
def test_fifty_kills_at_random_moments_change_nothing(tmp_path: Path, undisturbed: Any) -> None:
    random.seed(20)
    for batch in range(5):
        kills = [f"ms:{random.randint(20, 700)}" for _ in range(10)]
        outcome, _ = run(tmp_path / str(batch), *kills)
        assert outcome["weights"] == undisturbed[0]["weights"], kills
