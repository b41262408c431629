"""What the pretended device refuses, records and computes. A program of its own, since the device stays registered."""

from __future__ import annotations

from collections.abc import Callable

import torch

from tests.pretend_gpu.device import DEVICE, LeftOnTheCpu, OnGpu, pretended, register
from tests.pretend_gpu.waits import Record, Why

Waits = Callable[[Callable[[], object]], list[Why]]


def main() -> None:
    register()
    record = Record()

    def waits(work: Callable[[], object]) -> list[Why]:
        before = sum(len(part.waits) for part in record.parts.values())
        with record.part("asked"):
            work()
        return [wait.why for wait in record.parts["asked"].waits[before:]]

    with pretended(record):
        _tensors_of_two_devices_are_refused()
        _waits_are_recorded(waits)
        with torch.inference_mode():
            _waits_are_recorded(waits)
        _a_training_step_is_that_of_the_cpu()
        _autocast_casts_as_on_a_card()
    print("as it should")


def _refused(work: Callable[[], object]) -> bool:
    try:
        work()
    except LeftOnTheCpu:
        return True
    return False


def _tensors_of_two_devices_are_refused() -> None:
    there, here = torch.ones(3, device=DEVICE), torch.ones(3)
    assert isinstance(there, OnGpu)
    assert _refused(lambda: there + here)
    assert _refused(lambda: here.add_(there))
    assert _refused(lambda: torch.cat([there, here]))
    assert _refused(lambda: torch.nn.functional.linear(there, torch.ones(2, 3)))
    assert _refused(lambda: torch.rand(3, device=DEVICE, generator=torch.Generator()))
    assert (there * torch.tensor(2.0)).tolist() == [2.0] * 3, "a single number of the CPU goes along"
    assert torch.zeros(2, 3, device=DEVICE).transpose_(0, 1).shape == (3, 2)
    assert here.sum() == 3, "the CPU is left alone"


def _waits_are_recorded(waits: Waits) -> None:
    there, here = torch.arange(3.0, device=DEVICE), torch.ones(3)
    asked: list[tuple[Callable[[], object], list[Why]]] = [
        (lambda: there * 2 + there.sum(), []),
        (lambda: there.sum().item(), [Why.VALUE]),
        (lambda: bool(there.all()), [Why.VALUE]),
        (lambda: there.tolist(), [Why.FETCH]),
        (lambda: there.cpu().numpy(), [Why.FETCH]),
        (lambda: there[there > 1], [Why.SIZE]),
        (lambda: there.nonzero(), [Why.SIZE]),
        (lambda: here.to(DEVICE), [Why.SEND]),
        (lambda: torch.tensor([1, 2], device=DEVICE), [Why.SEND]),
        (lambda: here.to(there), [Why.SEND]),
        (lambda: here.to(DEVICE, non_blocking=True), []),
        (lambda: there.to(torch.float16), []),
        (lambda: there.clone().copy_(here), [Why.SEND]),
        (lambda: there[torch.tensor([0, 2])], [Why.SEND]),
    ]
    for number, (work, wanted) in enumerate(asked):
        found = waits(work)
        assert found == wanted, f"{number}: {found} instead of {wanted}"


def _a_training_step_is_that_of_the_cpu() -> None:
    weights = []
    for device in ("cpu", DEVICE):
        torch.manual_seed(1)
        net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.GELU(), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))
        same = net[0].weight
        net.to(device)
        assert net[0].weight is same, "parameters stay the same objects"
        optimizer = torch.optim.AdamW(net.parameters(), lr=0.1)
        net(torch.ones(2, 4).to(device)).square().mean().backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0, foreach=True)
        optimizer.step()
        weights.append([parameter.detach().cpu() for parameter in net.parameters()])
    for one, other in zip(*weights, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def _autocast_casts_as_on_a_card() -> None:
    x = torch.ones(2, 2, device=DEVICE)
    with torch.autocast("gpu", dtype=torch.bfloat16):
        assert (x @ x).dtype == torch.bfloat16
        assert torch.nn.functional.linear(x, x).dtype == torch.bfloat16
        assert (x @ x).softmax(-1).dtype == torch.float32
        assert torch.cat([x @ x, x]).dtype == torch.float32


if __name__ == "__main__":
    main()
