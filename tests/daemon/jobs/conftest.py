"""A voice of a few short recordings, and a random base so small that it trains in seconds."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch

from engines.glow.model import BASE_VARIABLE
from engines.glow.recipe import tiny_base
from proto import worker_pb2 as wire

DEMO = Path(__file__).parents[3] / "demo" / "recordings"
SETTINGS = '{"steps": 12, "batch_size": 4, "eval_every": 4, "checkpoint_every": 4, "patience": 0, "threads": 1}'

LINEAGE = {
    "voice": "anna",
    "version": 1,
    "engine": "glow",
    "curves": {"train/loss": [[1, 3.0], [2, 2.0]]},
    "settings": {"steps": 12},
}


@pytest.fixture(autouse=True)
def tiny(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    base = tmp_path_factory.getbasetemp() / "tiny-base"
    if not base.exists():
        tiny_base.make(base)
    monkeypatch.setenv(BASE_VARIABLE, str(base))
    torch.set_num_threads(1)


def refs(first: int, last: int) -> list[wire.ClipRef]:
    """The demo's recordings of these numbers, as clips."""
    found = []
    for number in range(first, last):
        path = DEMO / f"d{number:02}.flac"
        text = path.with_suffix(".txt").read_text().strip()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        found.append(wire.ClipRef(sha256=digest, path=str(path), text=text, language="en", seconds=4.0, is_new=True))
    return found


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
