"""What the loop does with fast paths: it takes those that are trusted, and comes to the same weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from toy_training import run, same, weights

from engines.fast_paths import learning
from engines.fast_paths.record import FastPath


@pytest.fixture
def pins(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """Tensors that were pinned: where there is no card they are copied."""
    pinned: list[torch.Tensor] = []

    def pin(tensor: torch.Tensor) -> torch.Tensor:
        pinned.append(tensor.clone())
        return pinned[-1]

    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)
    return pinned


def trusting(monkeypatch: pytest.MonkeyPatch, *paths: FastPath) -> None:
    monkeypatch.setattr(learning, "allowed", lambda path, device: path in paths)


def test_batches_are_pinned_where_that_is_trusted(
    tmp_path: Path, pins: list[torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, plain, _ = run(tmp_path / "plain")
    assert not pins, "nothing of a CPU is"
    trusting(monkeypatch, FastPath.PINNED)
    _, fast, _ = run(tmp_path / "fast")
    assert pins
    assert same(weights(plain), weights(fast))


def test_tf32_is_on_while_it_trains_and_off_when_it_ends_however_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusting(monkeypatch, FastPath.TF32)
    seen: set[str] = set()

    class Watching:
        def poll(self) -> None:
            seen.add(torch.get_float32_matmul_precision())
            raise RuntimeError("the training is ended from outside")

        def wait(self) -> None: ...

    with pytest.raises(RuntimeError, match="outside"):
        run(tmp_path, control=Watching())
    assert seen == {"high"}
    assert torch.get_float32_matmul_precision() == "highest"
