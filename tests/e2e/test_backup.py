"""A backup of a Myna that trains is a Myna that trains: to the same weights."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from proto.client import Client, state_of
from tests.e2e.workshop import ANNA, LONG, ROOT, TOY_LONG, Workshop, ended, reach_step, weights


def told(workshop: Workshop, *command: str) -> str:
    """What the command line says; it must succeed."""
    run = subprocess.run(
        [sys.executable, "-m", "tui.cli", *command], cwd=ROOT, env=workshop.env, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def goes_on(workshop: Workshop, back: Workshop, disk: Path, training: int, calm: str) -> None:
    """Back up while the training runs; what is restored passes the check, and trains to the same weights, be it that
    the first home never comes to its end."""
    said = told(workshop, "backup", str(disk))
    assert "Snapshot " in said
    workshop.kill()
    told(workshop, "restore", str(disk), "--to", str(back.home))
    assert "nothing is wrong" in told(back, "check", "--deep")
    with back.up() as client:
        assert state_of(client.job(training)) in ("queued", "running")
        ended(client, training)
        assert weights(back.home, ANNA, 1) == calm
    assert back.down() == 0
    assert "nothing is wrong" in told(back, "check", "--deep")


def begun(client: Client, asked: dict[str, object], step: int) -> int:
    job = client.train(ANNA, **asked).id
    reach_step(client, job, step)
    return job


def emptied(home: Path) -> Path:
    """A workshop writes its settings into its home; a backup brings its own."""
    (home / "myna.toml").unlink()
    return home


@pytest.mark.long
def test_a_backup_of_a_training_with_glow_trains_to_the_same_weights(
    with_dataset: Workshop, tiny_base: Path, calm_weights: str, tmp_path: Path
) -> None:
    back = Workshop(tmp_path / "back", tiny_base, log=tmp_path / "back.out")
    emptied(back.home)
    try:
        with with_dataset.up() as client:
            job = begun(client, LONG, LONG["checkpoint_every"] + 3)
            goes_on(with_dataset, back, tmp_path / "disk", job, calm_weights)
    finally:
        back.kill()


@pytest.mark.long
def test_a_backup_of_a_training_with_a_toy_trains_to_the_same_weights(
    with_toy: Workshop, calm_toy_weights: str, tmp_path: Path
) -> None:
    back = Workshop(tmp_path / "back", tmp_path, module=with_toy.module, log=tmp_path / "back.out")
    emptied(back.home)
    try:
        with with_toy.up() as client:
            job = begun(client, TOY_LONG, TOY_LONG["checkpoint_every"] + 3)
            goes_on(with_toy, back, tmp_path / "disk", job, calm_toy_weights)
    finally:
        back.kill()
