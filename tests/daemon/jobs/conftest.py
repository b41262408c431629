"""A voice of a few short recordings, and a random base so small that it trains in seconds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from demo_clips import refs

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


@pytest.fixture(autouse=True)
def tiny(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    base = made_once(tmp_path_factory, "tiny-base", tiny_base.make)
    monkeypatch.setenv(BASE_VARIABLE, str(base))
    torch.set_num_threads(1)


@pytest.fixture
def train_plan(tmp_path: Path) -> wire.TrainPlan:
    return wire.TrainPlan(
        voice="anna",
        engine="glow",
        language="en",
        run=5,
        run_dir=str(tmp_path / "runs" / "5"),
        out_dir=str(tmp_path / "voices" / "anna" / "1"),
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
