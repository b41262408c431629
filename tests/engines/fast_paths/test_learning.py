"""The fast paths of trainings, as far as a CPU has them; what asks a card is answered by a stand-in."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import torch
from dying_proof import CARD

from engines.fast_paths import card, learning
from engines.fast_paths.proving import Comparison, Proofs
from engines.fast_paths.record import FastPath
from engines.training import memory, step
from engines.training.settings import TrainSettings

CPU = torch.device("cpu")
SETTINGS = TrainSettings(steps=10, learning_rate=1e-3)


@pytest.fixture
def a_card(monkeypatch: pytest.MonkeyPatch) -> Proofs:
    """The CPU counts as one."""
    proofs = Proofs(CARD, None)
    monkeypatch.setattr(card, "proofs", lambda device: proofs)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    return proofs


@pytest.mark.parametrize("path", [FastPath.FUSED, FastPath.TF32, FastPath.BF16])
def test_paths_that_a_cpu_has_are_the_same_within_their_tolerance(path: FastPath) -> None:
    state = torch.get_rng_state()
    found = learning.compare(path, CPU)
    assert found.equal, found
    assert torch.equal(torch.get_rng_state(), state), "nobody else's random numbers are drawn"
    assert torch.get_float32_matmul_precision() == "highest"


@pytest.mark.parametrize("path", [FastPath.FUSED, FastPath.BF16])
@pytest.mark.parametrize("amid", ["no_grad", "inference_mode", "autocast"])
def test_a_proof_amid_a_measurement_comes_to_the_same(path: FastPath, amid: str) -> None:
    contexts: dict[str, AbstractContextManager[object]] = {
        "no_grad": torch.no_grad(),
        "inference_mode": torch.inference_mode(),
        "autocast": torch.autocast("cpu", dtype=torch.bfloat16),
    }
    alone = learning.compare(path, CPU)
    with contexts[amid]:
        found = learning.compare(path, CPU)
    assert found.equal
    assert found == alone


def test_a_held_out_measurement_that_proves_bf16_first_has_it(a_card: Proofs) -> None:
    settings = TrainSettings(steps=10, learning_rate=1e-3, precision="bf16")
    with torch.no_grad(), step.precision(settings, CPU):
        assert torch.is_autocast_enabled("cpu")


def test_the_small_training_learns() -> None:
    losses = learning.losses(CPU, None)
    assert losses[-1] < 0.7 * losses[0]


def test_a_path_that_goes_another_way_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(torch.optim.AdamW):
        def __init__(self, *args: object, fused: bool = False, **settings: object) -> None:
            super().__init__(*args, **{**settings, "lr": 2e-2 if fused else 1e-2})  # type: ignore[arg-type]

    monkeypatch.setattr(torch.optim, "AdamW", Wrong)
    assert not learning.compare(FastPath.FUSED, CPU).equal


def test_pinned_memory_that_cannot_be_had_means_the_plain_path(a_card: Proofs) -> None:
    if torch.cuda.is_available():
        pytest.skip("this build can pin memory")
    assert not learning.allowed(FastPath.PINNED, CPU)


def test_a_card_before_ampere_is_not_asked_for_tf32_or_bf16(a_card: Proofs, monkeypatch: pytest.MonkeyPatch) -> None:
    assert learning.allowed(FastPath.TF32, CPU)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    assert not learning.allowed(FastPath.TF32, CPU)
    assert not learning.allowed(FastPath.BF16, CPU)
    assert learning.allowed(FastPath.FUSED, CPU)


def test_tf32_lasts_as_long_as_the_training(a_card: Proofs) -> None:
    with learning.quick_products(CPU):
        assert torch.get_float32_matmul_precision() == "high"
    assert torch.get_float32_matmul_precision() == "highest"


def test_without_trust_products_stay_as_they_are() -> None:
    with learning.quick_products(CPU):
        assert torch.get_float32_matmul_precision() == "highest"


def test_bf16_is_fp32_on_a_card_that_has_not_got_it_or_fails_at_it(
    a_card: Proofs, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = TrainSettings(steps=10, learning_rate=1e-3, precision="bf16")
    with step.precision(settings, CPU):
        assert torch.is_autocast_enabled("cpu")
    a_card.distrust(FastPath.BF16, "", RuntimeError("no kernel"))
    with step.precision(settings, CPU):
        assert not torch.is_autocast_enabled("cpu")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    assert learning.refuses_bf16(CPU)


def test_bf16_that_is_not_known_yet_is_left_to_who_asked(monkeypatch: pytest.MonkeyPatch, a_card: Proofs) -> None:
    def full(path: FastPath, device: torch.device) -> Comparison:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(learning, "compare", full)
    assert not learning.refuses_bf16(CPU)
    assert not learning.allowed(FastPath.TF32, CPU), "while what nobody asked for waits for its proof"


def test_an_optimizer_that_is_not_one_kernel_goes_on_after_lending_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "FUSED", ())
    layer = torch.nn.Linear(4, 4)
    optimizer = step.adamw(list(layer.parameters()), SETTINGS, CPU)
    layer(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    memory.move(torch.nn.Identity(), optimizer, torch.device("meta"))  # there as on a card: not the CPU
    places = {name: value.device.type for state in optimizer.state.values() for name, value in state.items()}
    assert places == {"step": "cpu", "exp_avg": "meta", "exp_avg_sq": "meta"}


def test_pinning_keeps_what_is_no_tensor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor + 1)
    batch = {"codes": torch.zeros(2), "prompts": [torch.zeros(1)], "keys": [b"a"], "lengths": (3, 4)}
    made = learning.pinned(batch)
    assert made["codes"].tolist() == [1.0, 1.0]
    assert made["prompts"][0].tolist() == [1.0]
    assert (made["keys"], made["lengths"]) == ([b"a"], (3, 4))


def test_records_lie_in_mynas_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Path | None] = []
    monkeypatch.setattr(card, "_proofs", lambda index, file: asked.append(file))
    monkeypatch.setenv("MYNA_HOME", str(tmp_path))
    card.proofs(torch.device("cuda", 0))
    monkeypatch.delenv("MYNA_HOME")
    card.proofs(torch.device("cuda", 0))
    assert asked == [tmp_path / "fast_paths.json", None]
