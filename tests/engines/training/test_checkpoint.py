"""Checkpoints: whole or not there, checked when read, and only as many as are needed."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from toy_engine import ToyEngine, clips

from engines.errors import DiskFull
from engines.files import TEMPORARY
from engines.training.checkpoint import Checkpoints, DamagedCheckpoint, RunState, weights_of
from engines.training.loop import train
from engines.training.report import Collected
from engines.training.settings import TrainSettings

SETTINGS = TrainSettings(
    steps=40, learning_rate=1e-2, batch_size=8, micro_batch=8, eval_every=5, checkpoint_every=10, patience=0, threads=1
)
ROOT = Path(__file__).parents[3]


def network() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    """With a frozen part, a buffer, bf16 weights, a scalar, and optimizer state."""
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
    module[2].to(torch.bfloat16)
    module.register_parameter("gain", torch.nn.Parameter(torch.tensor(2.0)))
    module[0].weight.requires_grad_(False)
    optimizer = torch.optim.AdamW([p for p in module.parameters() if p.requires_grad], lr=0.1, fused=True)
    loss = module[2](module[1](module[0](torch.randn(5, 3))).bfloat16()).float().sum() * module.gain
    loss.backward()
    optimizer.step()
    return module, optimizer


def fresh() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    module, _ = network()
    return module, torch.optim.AdamW([p for p in module.parameters() if p.requires_grad], lr=0.1, fused=True)


def test_weights_buffers_and_optimizer_come_back_bit_for_bit(tmp_path: Path) -> None:
    module, optimizer = network()
    checkpoints = Checkpoints(tmp_path)
    state = RunState(step=5, best_step=5, best_loss=0.25, best_losses={"loss": 0.25}, seconds=1.5, fingerprint="f")
    checkpoints.save(state, weights_of(module), optimizer)
    other, other_optimizer = fresh()
    assert checkpoints.newest() == (state, [])
    checkpoints.load_weights(5, other)
    checkpoints.load_optimizer(5, other_optimizer)
    for (name, a), (_, b) in zip(module.state_dict().items(), other.state_dict().items(), strict=True):
        assert torch.equal(a, b) or name == "0.weight", name
    a, b = optimizer.state_dict()["state"], other_optimizer.state_dict()["state"]
    assert a.keys() == b.keys()
    assert all(torch.equal(a[i][name], b[i][name]) for i in a for name in a[i])


def test_a_transposed_parameter_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    def step(module: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
        optimizer.zero_grad()
        (module.weight.square() * torch.arange(12.0).view(3, 4)).sum().backward()
        optimizer.step()

    def transposed() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
        module = torch.nn.Module()
        module.weight = torch.nn.Parameter(torch.linspace(-1, 1, 12).view(4, 3).T)
        return module, torch.optim.AdamW(module.parameters(), lr=0.1, fused=True)

    module, optimizer = transposed()
    step(module, optimizer)
    Checkpoints(tmp_path).save(RunState(step=1), weights_of(module), optimizer)
    other, other_optimizer = transposed()
    Checkpoints(tmp_path).load_weights(1, other)
    Checkpoints(tmp_path).load_optimizer(1, other_optimizer)
    step(module, optimizer)
    step(other, other_optimizer)
    assert torch.equal(module.weight, other.weight)


def test_other_tools_can_read_the_files_and_there_are_no_pickles(tmp_path: Path) -> None:
    module, optimizer = network()
    folder = Checkpoints(tmp_path).save(RunState(step=1), weights_of(module), optimizer)
    weights = load_file(folder / "model.safetensors")
    assert torch.equal(weights["2.weight"], module[2].weight)
    assert "0.weight" not in weights, "frozen weights stay in the base"
    assert {path.suffix for path in folder.iterdir()} == {".safetensors", ".json"}


def test_the_last_two_and_the_best_are_kept(tmp_path: Path) -> None:
    module, optimizer = network()
    checkpoints = Checkpoints(tmp_path)
    for step in (10, 20, 30, 40, 50):
        state = RunState(step=step, best_step=min(step, 20), best_loss=0.1)
        checkpoints.save(state, weights_of(module), optimizer)
        checkpoints.prune(state)
    assert checkpoints.steps() == [20, 40, 50]


def test_half_written_folders_are_ignored_and_swept_away(tmp_path: Path) -> None:
    module, optimizer = network()
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(RunState(step=1), weights_of(module), optimizer)
    shutil.copytree(checkpoints.path(1), tmp_path / f"{TEMPORARY}step-000002")
    assert checkpoints.steps() == [1]
    checkpoints.sweep()
    assert [path.name for path in tmp_path.iterdir()] == ["step-000001"]


def cut_short(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])


def flip_a_bit(folder: Path) -> None:
    path = folder / "optimizer.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def lose_a_file(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def spoil_the_state(folder: Path) -> None:
    (folder / "state.json").write_text('{"format": 1, "fi')


def empty_the_state(folder: Path) -> None:
    (folder / "state.json").write_text("{}")


def come_from_the_future(folder: Path) -> None:
    path = folder / "state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))


@pytest.mark.parametrize(
    "damage", [cut_short, flip_a_bit, lose_a_file, spoil_the_state, empty_the_state, come_from_the_future]
)
def test_a_damaged_checkpoint_is_passed_over_with_a_sentence_and_the_one_before_it_used(
    damage: object, tmp_path: Path
) -> None:
    module, optimizer = network()
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(RunState(step=10), weights_of(module), optimizer)
    checkpoints.save(RunState(step=20), weights_of(module), optimizer)
    damage(checkpoints.path(20))  # type: ignore[operator]
    state, passed_over = checkpoints.newest()
    assert state is not None
    assert state.step == 10
    assert "step 20 is damaged" in passed_over[0]


def test_a_training_with_damaged_checkpoints_still_comes_to_the_same_end(tmp_path: Path) -> None:
    engine = ToyEngine()
    train(engine, engine.load(None), clips(24), clips(5, 2), SETTINGS, tmp_path / "a")
    train(engine, engine.load(None), clips(24), clips(5, 2), SETTINGS, tmp_path / "b")
    cut_short(tmp_path / "b" / "checkpoints" / "step-000040")
    report = Collected()
    train(engine, engine.load(None), clips(24), clips(5, 2), SETTINGS, tmp_path / "b", report=report)
    assert min(report.curves["lr"]) == 31
    assert any("step 40 is damaged" in text for level, text in report.lines if level == "warning")
    a, b = (tmp_path / run / "checkpoints" / "step-000040" / "model.safetensors" for run in "ab")
    assert a.read_bytes() == b.read_bytes()


def test_weights_of_another_model_are_refused_with_a_sentence(tmp_path: Path) -> None:
    module, optimizer = network()
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(RunState(step=1), weights_of(module), optimizer)
    with pytest.raises(DamagedCheckpoint, match="another model"):
        checkpoints.load_weights(1, torch.nn.Linear(3, 4))
    other = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.BatchNorm1d(5), torch.nn.Linear(5, 2))
    other[0].weight.requires_grad_(False)
    other.register_parameter("gain", torch.nn.Parameter(torch.tensor(2.0)))
    with pytest.raises(DamagedCheckpoint, match="another model"):
        checkpoints.load_weights(1, other)


@pytest.mark.parametrize("full_at", [1, 2, 3, 4])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_a_sentence_and_leaves_the_checkpoint_before_intact(
    full_at: int, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, optimizer = network()
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(RunState(step=10), weights_of(module), optimizer)
    calls = 0

    def full(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == full_at:
            raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(DiskFull, match="the checkpoint of step 20 could not be written") as caught:
            checkpoints.save(RunState(step=20), weights_of(module), optimizer)
    assert caught.value.kind == "disk-full"
    assert caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["step-000010"]
    assert checkpoints.newest() == (RunState(step=10), [])
    checkpoints.save(RunState(step=20), weights_of(module), optimizer)
    assert checkpoints.newest()[0] == RunState(step=20)


FULL_DISK = """
import os, sys
from pathlib import Path
from engines.errors import DiskFull
from engines.training.loop import train
from engines.training.settings import TrainSettings
from toy_engine import ToyEngine, clips
disk = Path(sys.argv[1])
settings = TrainSettings(
    steps=40, learning_rate=1e-2, batch_size=8, micro_batch=8, eval_every=5, checkpoint_every=10, threads=1
)
engine = ToyEngine(width=800)  # checkpoints of 100 kB on a disk of 400 kB
try:
    train(engine, engine.load(None), clips(24), clips(5, 2), settings, disk)
    sys.exit("the disk was not full")
except DiskFull as error:
    print(error)
names = sorted(path.name for path in (disk / "checkpoints").iterdir())
assert names and not any(name.startswith(".tmp") for name in names), names
os.system(f"mount -o remount,size=20m {disk}")
model = engine.load(None)
train(engine, model, clips(24), clips(5, 2), settings, disk)
import torch
undisturbed = engine.load(None)
train(engine, undisturbed, clips(24), clips(5, 2), settings, Path(sys.argv[2]))
pairs = zip(model.module.state_dict().values(), undisturbed.module.state_dict().values())
assert all(torch.equal(a, b) for a, b in pairs)
print("went on")
"""


def test_training_on_a_real_disk_that_is_full_fails_and_goes_on_when_space_is_back(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["unshare", "-Urm", "mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)], capture_output=True
    ).returncode:
        pytest.skip("this machine lets nobody mount a small disk in a namespace of their own")
    script = tmp_path / "full_disk.py"
    script.write_text(FULL_DISK)
    mounted = ["unshare", "-Urm", "sh", "-c", f'mount -t tmpfs -o size=300k none "{disk}" && exec "$@"', "sh"]
    done = subprocess.run(
        [*mounted, sys.executable, str(script), str(disk), str(tmp_path / "undisturbed")],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{Path(__file__).parent}", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert "The disk is full" in done.stdout
    assert "went on" in done.stdout
