"""A voice of a few short recordings, and a random base so small that it trains in seconds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from demo_clips import refs
from recorded import Recorded

from daemon.kinds.train import worker as train
from engines.glow.model import BASE_VARIABLE
from engines.glow.recipe import tiny_base
from proto import worker_pb2 as wire
from tests.made_once import made_once

SETTINGS = (
    '{"steps": 12, "batch_size": 4, "eval_every": 4, "checkpoint_every": 4, "patience": 0, "threads": 1, '
    '"spoken_checkpoints": 0}'
)

LINEAGE = {
    "voice": "anna",
    "version": 1,
    "engine": "glow",
    "curves": {"train/loss": [[1, 3.0], [2, 2.0]]},
    "settings": {"steps": 12},
}


@pytest.fixture(scope="session")
def tiny_base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "tiny-base", tiny_base.make)


@pytest.fixture(autouse=True)
def tiny(tiny_base_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BASE_VARIABLE, str(tiny_base_folder))
    torch.set_num_threads(1)


def train_plan_in(home: Path) -> wire.TrainPlan:
    return wire.TrainPlan(
        voice="anna",
        engine="glow",
        language="en",
        run=5,
        run_dir=str(home / "runs" / "5"),
        out_dir=str(home / "voices" / "anna" / "1"),
        clips=refs(1, 7),
        held_out=refs(7, 9),
        settings_json=SETTINGS,
        first=True,
        version=1,
        run_uuid="a" * 32,
        home_uuid="b" * 32,
        dataset=3,
    )


@pytest.fixture
def train_plan(tmp_path: Path) -> wire.TrainPlan:
    return train_plan_in(tmp_path)


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory: pytest.TempPathFactory, tiny_base_folder: Path) -> Path:
    """A home in which the plan's training has ended. Tests take copies."""
    home = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(BASE_VARIABLE, str(tiny_base_folder))
        torch.set_num_threads(1)
        train.run(train_plan_in(home), Recorded(home))
    return home


@pytest.fixture
def trained_plan(train_plan: wire.TrainPlan, trained_home: Path, tmp_path: Path) -> wire.TrainPlan:
    """The plan of a training that has ended."""
    shutil.copytree(trained_home, tmp_path, dirs_exist_ok=True)
    return train_plan


@pytest.fixture
def evaluate_plan(train_plan: wire.TrainPlan, tmp_path: Path) -> wire.EvaluatePlan:
    return wire.EvaluatePlan(
        voice="anna",
        engine="glow",
        language="en",
        version=1,
        version_dir=train_plan.out_dir,
        held_out=train_plan.held_out,
        reference=train_plan.clips,
        samples_dir=str(tmp_path / "samples" / "anna"),
        lineage_json=json.dumps(LINEAGE),
        first=True,
    )
